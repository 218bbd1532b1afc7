// Event streams: server-sent events (WHATWG HTML §9.2) as the official clients read them.
//
//   :ok            first bytes
//   event: <name>  data: {"data","ttl","published_at","coreid"}
//   a line feed    sign of life

import type { ServerResponse } from "node:http";
import type { CloudEvent, EventBus, EventFilter } from "./event-bus";
import { ApiError } from "./errors";
import type { RestLimits } from "./options";

interface Stream {
  owner: string;
  response: ServerResponse;
}

export class EventStreams {
  private readonly open = new Set<Stream>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly bus: EventBus,
    private readonly limits: RestLimits,
    keepAliveMs: number,
  ) {
    this.timer = setInterval(() => this.keepAlive(), keepAliveMs);
    this.timer.unref();
  }

  get count(): number {
    return this.open.size;
  }

  /** @throws ApiError 429 when there is no room for one more */
  checkRoom(owner: string): void {
    const mine = [...this.open].filter((stream) => stream.owner === owner).length;
    if (this.open.size >= this.limits.streams || mine >= this.limits.streamsPerUser) {
      const error = "Too many event streams are open";
      throw new ApiError(429, { ok: false, error, reason: "too-many-streams" });
    }
  }

  /**
   * Turn a response into an event stream.
   * @param before sent first: what happened already
   * @param withProduct products see more of an event
   */
  start(
    response: ServerResponse,
    filter: EventFilter,
    { withProduct = false, before = [] as CloudEvent[] } = {},
  ): void {
    const sendText = this.begin(response, filter.owner, () => unsubscribe());
    const send = (event: CloudEvent): void => sendText(encodeEvent(event, withProduct));
    const queue: CloudEvent[] | undefined = [...before];
    let started = false;
    const unsubscribe = this.bus.subscribe(filter, (event) => {
      if (started) send(event);
      else queue.push(event);
    });
    // Headers and the first event in one packet have been seen to stall a client.
    setImmediate(() => {
      started = true;
      for (const event of queue.splice(0)) send(event);
    });
  }

  /**
   * Turn a response into a stream of whatever its owner sends; it gets signs of life like all others.
   * @param onEnd the client has gone, or did not read
   * @returns sends text
   */
  begin(response: ServerResponse, owner: string, onEnd: () => void): (text: string) => void {
    const stream = { owner, response };
    this.open.add(stream);
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      // Proxies that collect would keep events back.
      "x-accel-buffering": "no",
    });
    response.write(":ok\n\n");
    const end = (): void => {
      onEnd();
      this.open.delete(stream);
    };
    response.on("close", end);
    response.on("error", end);
    return (text) => this.send(stream, text);
  }

  /** End all streams. */
  close(): void {
    clearInterval(this.timer);
    for (const { response } of this.open) response.end();
    this.open.clear();
  }

  private keepAlive(): void {
    for (const stream of this.open) this.send(stream, "\n");
  }

  private send({ response }: Stream, text: string): void {
    if (response.writableLength > this.limits.streamBacklog) {
      // It does not read: memory is for those who do.
      response.destroy();
      return;
    }
    response.write(text);
  }
}

export function encodeEvent(event: CloudEvent, withProduct: boolean): string {
  const data = {
    data: event.data,
    ttl: event.ttl,
    published_at: event.publishedAt,
    coreid: event.coreId,
    ...(withProduct && {
      userid: event.owner,
      version: event.productVersion,
      public: false,
      productID: event.productId,
    }),
  };
  // A line break in a name of a device would begin a field of its own.
  const name = event.name.replace(/[\p{Cc}\u2028\u2029]/gu, "\ufffd");
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
