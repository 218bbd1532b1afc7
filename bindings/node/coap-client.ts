// CoAP requests over a device of the `standard` profile, as promises: blockwise transfers are put
// together and cut here, notifications go to a handler.

import type { EventKind } from "./abi";
import { CoreError, Method, ResponseFlag, Status } from "./abi";
import type { CoreEvent } from "./core";
import type { Device } from "./device";

export interface CoapResponse {
  /** For example "2.05". */
  code: string;
  payload: Uint8Array;
  contentFormat: number;
}

export interface CoapRequestOptions {
  query?: string;
  contentFormat?: number;
  /** Milliseconds for the whole exchange; 60 s unless given. */
  timeout?: number;
}

type ResponseEvent = Extract<CoreEvent, { kind: EventKind.Response }>;

/** Blocks of an upload: 2^(5 + 4) bytes. */
const SZX = 5;
const BLOCK = 1 << (SZX + 4);
const CONTINUE = 0x5f;
const DEFAULT_TIMEOUT = 60_000;
const OUTBOX_RETRY = 50;

/** A response code as RFC 7252 writes it. */
export function formatCode(code: number): string {
  return `${code >>> 5}.${String(code & 31).padStart(2, "0")}`;
}

interface Exchange {
  blocks: Uint8Array[];
  /** What of the payload has not been sent. */
  rest: Uint8Array;
  options: CoapRequestOptions;
  done(response: CoapResponse): void;
  failed(error: Error): void;
}

export class CoapClient {
  private readonly exchanges = new Map<number, Exchange>();

  constructor(private readonly device: Device) {
    device.on("response", (event) => this.handleResponse(event));
  }

  get(path: string, options: CoapRequestOptions = {}): Promise<CoapResponse> {
    return this.request(Method.Get, path, undefined, options);
  }

  /**
   * Send a request and wait for its response.
   * @param payload of any length: more than 512 bytes go in blocks (RFC 7959)
   * @throws CoreError when it is refused, not answered, or its time is over
   */
  async request(
    method: Method,
    path: string,
    payload: Uint8Array = new Uint8Array(),
    options: CoapRequestOptions = {},
  ): Promise<CoapResponse> {
    const hasMore = payload.length > BLOCK;
    const first = hasMore ? payload.subarray(0, BLOCK) : payload;
    const handle = this.device.do((core) =>
      core.request({ method, path, payload: first, hasMore, ...options }),
    );
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((done, failed) => {
        const rest = payload.subarray(first.length);
        this.exchanges.set(handle, { blocks: [], rest, options, done, failed });
        timer = setTimeout(() => {
          failed(new CoreError(Status.MessageTimeout, `request "${path}"`));
        }, options.timeout ?? DEFAULT_TIMEOUT);
      });
    } finally {
      clearTimeout(timer);
      this.exchanges.delete(handle);
      this.device.do((core) => core.exports.request_cancel!(handle));
    }
  }

  /**
   * Observe a resource (RFC 7641).
   * @returns a function that ends the observation
   */
  observe(path: string, handler: (response: CoapResponse) => void): () => void {
    const handle = this.device.do((core) =>
      core.request({ method: Method.Get, path, observe: true }),
    );
    const exchange: Exchange = {
      blocks: [],
      rest: new Uint8Array(),
      options: {},
      done: handler,
      failed: () => this.exchanges.delete(handle),
    };
    this.exchanges.set(handle, exchange);
    return () => {
      this.exchanges.delete(handle);
      this.device.do((core) => core.exports.request_cancel!(handle));
    };
  }

  private handleResponse(event: ResponseEvent): void {
    const exchange = this.exchanges.get(event.handle);
    if (!exchange) return;
    if (event.code < 0) {
      exchange.failed(new CoreError(event.code, "request"));
      return;
    }
    if (event.code === CONTINUE && exchange.rest.length > 0) {
      this.sendBlock(event.handle, exchange);
      return;
    }
    exchange.blocks.push(event.payload);
    if (event.flags & ResponseFlag.More) return;
    const payload = Buffer.concat(exchange.blocks);
    exchange.blocks = [];
    exchange.done({ code: formatCode(event.code), payload, contentFormat: event.contentFormat });
  }

  private sendBlock(handle: number, exchange: Exchange): void {
    const block = exchange.rest.subarray(0, BLOCK);
    const hasMore = exchange.rest.length > BLOCK;
    const { contentFormat } = exchange.options;
    // Not from inside the pump that brought the event.
    setImmediate(() => {
      const status = this.device.do((core) =>
        core.requestBlock(handle, block, { contentFormat, szx: SZX, hasMore }),
      );
      if (status === Status.NoSpace) {
        setTimeout(() => this.sendBlock(handle, exchange), OUTBOX_RETRY);
      } else if (status < 0) {
        exchange.failed(new CoreError(status, "block"));
      } else {
        exchange.rest = exchange.rest.subarray(block.length);
      }
    });
  }
}
