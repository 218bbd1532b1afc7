// Throws requests at the HTTP side: real routes with odd names, bodies and types, then bytes of them changed; some too
// large, some that never end. What must not happen: an internal error (500), an answer that is neither JSON nor a stream
// nor a file of the console, a server that does not answer any more, or one whose memory grows.

import { createConnection } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LocalCloud, Registry } from "../../cloud";
import { generateKeyPair } from "../../cloud/keys";
import { DeviceRecords } from "../../cloud/rest/device-records";
import { RestServer } from "../../cloud/rest/server";
import { MemoryStore } from "../../cloud/store/memory-store";
import { SeededRandom } from "../support/random";

export interface HttpFuzzReport {
  requests: number;
  /** Answers by status; "none" when the connection ended without one. */
  statuses: Record<string, number>;
  /** MiB of the heap after a collection, at each tenth of the way. */
  heap: number[];
  failures: { number: number; request: string; problem: string }[];
}

const DEVICE_ID = "0123456789abcdef01234567";
const USERNAME = "fuzz@example.com";
/** Requests under way at a time. */
const LANES = 8;
const PATIENCE_MS = 10_000;
/** MiB that the heap may be larger at the end than at three tenths of the way: by then all that is bounded is full. */
const MAX_GROWTH = 8;
/** Requests of a campaign that is long enough to tell. */
const TELLING = 20_000;

const METHODS = [
  ...["GET", "GET", "GET", "GET", "POST", "POST", "POST", "POST", "PUT", "PUT", "DELETE"],
  ...["PATCH", "HEAD", "OPTIONS", "BREW"],
];
const ROUTES = [
  "/",
  "/console.js",
  "/oauth/token",
  "/v1/user",
  "/v1/clients",
  "/v1/clients/$",
  "/v1/access_tokens/$",
  "/v1/devices",
  "/v1/devices/$",
  "/v1/devices/$/$",
  "/v1/devices/$/ping",
  "/v1/devices/events",
  "/v1/devices/events/$",
  "/v1/devices/$/events/$",
  "/v1/events/$",
  "/v1/device_claims",
  "/v1/provisioning/$",
  "/v1/webhooks",
  "/v1/webhooks/$",
  "/v1/integrations",
  "/v1/integrations/$",
  "/v1/products",
  "/v1/products/$",
  "/v1/products/$/devices",
  "/v1/products/$/devices/$",
  "/v1/products/$/devices/$/$",
  "/v1/products/$/events",
  "/v1/binaries",
  "/v1/device-os/versions/$",
  "/v1/local/events?limit=$&prefix=$",
  "/v1/local/traffic?limit=$&device=$",
  "/v1/local/traffic/stream?device=$",
  "/v1/devices/$/update",
  "/v1/devices/$/modules",
  "/$",
];
const NAMES = [
  DEVICE_ID,
  "fuzzed",
  "0",
  "-1",
  "65536",
  "product-1",
  "current",
  "ping",
  "__proto__",
  "constructor",
  "%00",
  "%ff%fe",
  "%2e%2e%2f",
  "..",
  "%",
  "a%2Fb",
  "x".repeat(300),
  "%F0%9F%A7%A8",
  "",
];
const TYPES = [
  "application/json",
  "application/json; charset=utf-16",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=b",
  "multipart/form-data",
  "text/plain",
  "",
  "a/b;".repeat(50),
];
/** For the four kinds of bodies below. */
const FITTING_TYPES = [TYPES[0], TYPES[2], TYPES[3], TYPES[0]];
const FIELDS = [
  ...["id", "name", "data", "ttl", "args", "signal", "notes", "product_id", "event", "url", "json"],
  ...["form", "headers", "auth", "query", "requestType", "deviceid", "grant_type", "username"],
  ...["password", "client_id", "mfa_token", "otp", "refresh_token", "expires_in", "publicKey"],
  ...["access_token", "private", "responseTemplate", "__proto__", "constructor", "type"],
];
const VALUES: unknown[] = [
  ...["", "x", "0", "1", "-1", "1e999", "password", "{{#a}}", "{{{a}}}", "http://127.0.0.1:1/"],
  ...[
    "client_credentials",
    "urn:custom:mfa-otp",
    "refresh_token",
    "GET",
    "\u0000\ud800",
    DEVICE_ID,
  ],
  ...[null, true, 0, -0.5, 1e308, [], {}, [[["x"]]], { a: { b: "{{c}}" } }, { __proto__: 1 }],
  "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
  "y".repeat(3000),
];

/** Requests that do what they ask for, before a field or two of them changes. */
const GOOD: [method: string, path: string, body: Record<string, unknown>][] = [
  ["POST", "/v1/webhooks", { event: "never", url: "http://127.0.0.1:1/", requestType: "POST" }],
  ["POST", "/v1/integrations", { event: "e", url: "http://127.0.0.1:1/", json: { a: "{{b}}" } }],
  ["POST", "/v1/devices/events", { name: "e", data: '{"b":1}', ttl: 60 }],
  ["POST", "/v1/devices", { id: DEVICE_ID }],
  ["POST", "/v1/devices", { product_id: 1 }],
  ["POST", "/v1/clients", { name: "c", type: "installed" }],
  ["POST", "/v1/device_claims", {}],
  ["PUT", `/v1/devices/${DEVICE_ID}`, { name: "fuzzed" }],
  ["PUT", `/v1/devices/${DEVICE_ID}`, { notes: "n" }],
  ["PUT", `/v1/devices/${DEVICE_ID}`, { signal: "1" }],
  ["PUT", `/v1/devices/${DEVICE_ID}/ping`, {}],
  ["POST", `/v1/devices/${DEVICE_ID}/f`, { args: "x" }],
  ["GET", "/v1/devices", {}],
  ["GET", "/v1/webhooks", {}],
  ["GET", "/v1/local/events", {}],
];

class RequestMaker {
  private readonly random: SeededRandom;

  constructor(
    seed: number,
    private readonly token: string,
  ) {
    this.random = new SeededRandom(seed);
  }

  /** @returns a request, and whether it ends where it stands */
  next(): { request: Buffer; isWhole: boolean } {
    if (this.chance(0.01)) return { request: this.makeLarge(), isWhole: true };
    const request = this.make();
    if (!this.chance(0.002)) return { request, isWhole: true };
    const length = Math.floor(this.random.unit() * request.length);
    return { request: request.subarray(0, length), isWhole: false };
  }

  /** More than the server takes: a body, a header, a path. */
  private makeLarge(): Buffer {
    const kind = Math.floor(this.random.unit() * 3);
    const [path, header, body] = [0, 1, 2].map((at) => "z".repeat(at === kind ? 20_000 : 1));
    const lines = [
      `POST /v1/devices/events?x=${path} HTTP/1.1`,
      ...["Host: 127.0.0.1", "Connection: close", `Authorization: Bearer ${this.token}`],
      ...[`X-Large: ${header}`, "Content-Type: text/plain", `Content-Length: ${body.length}`],
    ];
    return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
  }

  private make(): Buffer {
    if (this.chance(0.4)) return this.makeNearlyGood();
    const kind = Math.floor(this.random.unit() * 4);
    const body = this.body(kind);
    const type = this.chance(0.7) ? FITTING_TYPES[kind] : this.pick(TYPES);
    const lines = [
      `${this.pick(METHODS)} ${this.path()} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Connection: close",
      ...(this.chance(0.9) ? [`Authorization: Bearer ${this.token}`] : []),
      ...(type === "" ? [] : [`Content-Type: ${type}`]),
      ...(this.chance(0.9) ? [`Content-Length: ${Buffer.byteLength(body)}`] : []),
      ...(this.chance(0.05) ? ["Transfer-Encoding: chunked"] : []),
      ...(this.chance(0.05) ? ["Expect: 100-continue"] : []),
    ];
    const request = Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
    return this.chance(0.3) ? this.damage(request) : request;
  }

  private makeNearlyGood(): Buffer {
    const [method, url, fields] = this.pick(GOOD);
    const body = { ...fields };
    const changes = Math.floor(this.random.unit() * 3);
    for (let i = 0; i < changes; i++) {
      const name = this.chance(0.5)
        ? this.pick(Object.keys(fields).concat("x"))
        : this.pick(FIELDS);
      body[name] = this.pick(VALUES);
    }
    const text = JSON.stringify(body);
    const lines = [
      `${method} ${url} HTTP/1.1`,
      ...["Host: 127.0.0.1", "Connection: close", `Authorization: Bearer ${this.token}`],
      ...["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(text)}`],
    ];
    const request = Buffer.from(`${lines.join("\r\n")}\r\n\r\n${text}`);
    return this.chance(0.1) ? this.damage(request) : request;
  }

  private path(): string {
    return this.pick(ROUTES).replaceAll("$", () => this.pick(NAMES));
  }

  private body(kind: number): string {
    const fields = Array.from({ length: Math.floor(this.random.unit() * 6) }, () => [
      this.pick(FIELDS),
      this.pick(VALUES),
    ]);
    const texts = fields.map(([name, value]) => [String(name), JSON.stringify(value)]);
    switch (kind) {
      case 0:
        // By hand: an object would not keep __proto__.
        return `{${texts.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
      case 1:
        return new URLSearchParams(
          fields.map(([name, value]) => [String(name), String(value)]),
        ).toString();
      case 2:
        return `${texts.map(([name, value]) => part(name, value, this.chance(0.5))).join("")}--b--\r\n`;
      default:
        return this.pick(["", "null", "[]", "{", '"', "\u0000", "[".repeat(500)]);
    }
  }

  /** Change, drop or repeat some bytes. */
  private damage(bytes: Buffer): Buffer {
    let result = Buffer.from(bytes);
    const count = 1 + Math.floor(this.random.unit() * 4);
    for (let i = 0; i < count && result.length > 0; i++) {
      const at = Math.floor(this.random.unit() * result.length);
      const kind = Math.floor(this.random.unit() * 3);
      if (kind === 0) result[at] = this.random.u32() & 0xff;
      else if (kind === 1)
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1)]);
      else result = Buffer.concat([result.subarray(0, at), result.subarray(Math.max(0, at - 20))]);
    }
    return result;
  }

  private pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random.unit() * list.length)];
  }

  private chance(part: number): boolean {
    return this.random.unit() < part;
  }
}

/** A part of a form (RFC 7578 §4.2). */
function part(name: string, value: string, isFile: boolean): string {
  const file = isFile ? '; filename="f.bin"\r\nContent-Type: application/octet-stream' : "";
  return `--b\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
}

/**
 * Send bytes on a connection of their own.
 * @param isWhole nothing more comes; otherwise the server has to lose its patience
 * @returns what came back before it ended; of a stream, its beginning
 */
function exchange(port: number, request: Buffer, isWhole: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, "127.0.0.1");
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error("no answer, no end"));
    }, PATIENCE_MS);
    let answer = "";
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (data) => {
      answer += data.toString("latin1");
      if (answer.includes(":ok\n\n")) end();
    });
    socket.on("close", end);
    socket.on("error", end);
    if (isWhole) socket.end(request);
    else socket.write(request);
  });
}

/** What is wrong with an answer, or undefined. */
function problemOf(answer: string): string | undefined {
  if (answer === "") return undefined;
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
  if (Number.isNaN(status)) return "no HTTP";
  if (status >= 500 && status !== 501 && status !== 503) return `status ${status}`;
  if (/^content-type: (application\/json|text\/(event-stream|html|javascript))/im.test(answer)) {
    return undefined;
  }
  // What Node's parser refuses, and answers without content.
  const content = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  const hasContent = content !== "" && content !== "0\r\n\r\n";
  return hasContent && status !== 100 ? "an answer of another type" : undefined;
}

/** MiB of the heap in use, after a collection. */
function heapMiB(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return Math.round(process.memoryUsage().heapUsed / 2 ** 18) / 4;
}

/** @param count requests */
export async function fuzzHttp(count: number, seed: number): Promise<HttpFuzzReport> {
  const store = new MemoryStore();
  const registry = new Registry();
  registry.register({ id: DEVICE_ID, publicKey: generateKeyPair().spki, name: "fuzzed" });
  const records = new DeviceRecords(store);
  records.update(DEVICE_ID, { owner: USERNAME });
  const cloud = new LocalCloud({ keyPair: generateKeyPair(), registry });
  const server = await RestServer.listen(
    { cloud, store, records },
    {
      port: 0,
      mayCall: () => false,
      limits: {
        ...{ requestsPerMinute: 1e9, loginsPerMinute: 1e9, bodyLength: 4096, uploadLength: 8192 },
        ...{ headersTimeoutMs: 500, requestTimeoutMs: 1000 },
        // So that what is kept is full early, and memory tells of leaks.
        ...{ webhooksPerUser: 100, devicesPerUser: 100, eventsKept: 200 },
      },
    },
  );
  const { users, tokens } = server.api;
  await users.set(USERNAME, "of the fuzzer");
  // One that no request can revoke by accident would be another's.
  const tokenOf = (): string => tokens.issue(USERNAME, "fuzz", 0).accessToken;
  const report: HttpFuzzReport = { requests: 0, statuses: {}, heap: [], failures: [] };
  const tenth = Math.ceil(count / 10);
  let token = tokenOf();
  const makers = Array.from(
    { length: LANES },
    (_, lane) => new RequestMaker(seed * LANES + lane, token),
  );
  const lane = async (maker: RequestMaker): Promise<void> => {
    while (report.requests < count) {
      const number = report.requests++;
      if (number % tenth === tenth - 1) report.heap.push(heapMiB());
      const { request, isWhole } = maker.next();
      const answer = await exchange(server.address.port, request, isWhole).catch(String);
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "none";
      report.statuses[status] = (report.statuses[status] ?? 0) + 1;
      const problem = problemOf(answer);
      if (problem) report.failures.push({ number, request: request.toString("latin1"), problem });
      if (status === "401" && !tokens.find(token, "access")) {
        token = tokenOf();
        for (const other of makers) Object.assign(other, { token });
      }
    }
  };
  try {
    await Promise.all(makers.map(lane));
    const headers = { authorization: `Bearer ${tokenOf()}` };
    const alive = await fetch(`${server.url}/v1/devices`, { headers });
    if (alive.status !== 200) {
      report.failures.push({ number: -1, request: "", problem: "the server is not well" });
    }
    const growth = (report.heap.at(-1) ?? 0) - (report.heap[2] ?? 0);
    if (count >= TELLING && growth > MAX_GROWTH) {
      report.failures.push({ number: -1, request: "", problem: `the heap grows: ${growth} MiB` });
    }
    return report;
  } finally {
    await server.close();
  }
}
