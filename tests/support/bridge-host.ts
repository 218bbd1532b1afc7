// The host of an application module as far as its side of the bridge needs one: imports that write down
// what they are told, and events by hand. No core, no limits; bindings/node has the real host.

import { EventKind, Status } from "../../bindings/node";

interface ApplicationExports {
  memory: WebAssembly.Memory;
  app_abi(): number;
  app_buffer(): number;
  app_buffer_capacity(): number;
  app_clock(now: number): void;
  setup(): void;
  loop(): void;
  app_event(kind: number, a: number, b: number, c: number, d: number): number;
}

export class BridgeHost {
  now = 1000;
  readonly published: string[] = [];
  readonly log: string[] = [];
  readonly functions: string[] = [];
  readonly variables: string[] = [];
  readonly subscriptions: string[] = [];
  /** "import number a b" of the calls of control, queue and update. */
  readonly calls: string[] = [];
  /** What `get` answers. */
  readonly values = new Map<number, number>();
  fuel = 0;
  private readonly exports: ApplicationExports;

  constructor(module: Uint8Array) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(module)), {
      wboson: this.imports(),
      board: { call: () => Status.NotSupported },
    });
    this.exports = exports as unknown as ApplicationExports;
    if (this.exports.app_abi() !== 1) throw new Error("not ABI 1");
  }

  get capacity(): number {
    return this.exports.app_buffer_capacity();
  }

  setup(): void {
    this.clock();
    this.exports.setup();
  }

  /** loop() so many times, with `ms` before each. */
  loop(times = 1, ms = 100): void {
    for (let i = 0; i < times; i++) {
      this.now += ms;
      this.clock();
      this.exports.loop();
    }
  }

  /** @returns the result; undefined when the application refuses */
  call(name: string, argument: string): number | undefined {
    const length = this.write(argument);
    const number = this.functions.indexOf(name);
    const answer = this.event(EventKind.FunctionCall, number, length);
    return answer < 0 ? undefined : Buffer.from(this.bytes(4)).readInt32LE();
  }

  /** @returns bytes of the value; undefined when the application refuses */
  read(name: string): Buffer | undefined {
    const number = this.variables.findIndex((known) => known.startsWith(`${name}:`));
    const length = this.event(EventKind.VariableRequest, number, 0);
    return length < 0 ? undefined : Buffer.from(this.bytes(length));
  }

  receive(subscription: number, name: string, data: string): void {
    this.write(name + data);
    const lengths = [name, data].map((text) => Buffer.byteLength(text));
    this.event(EventKind.EventReceived, subscription, lengths[0], lengths[1]);
  }

  event(kind: EventKind, a = 0, b = 0, c = 0, d = 0): number {
    this.clock();
    return this.exports.app_event(kind, a, b, c, d);
  }

  private clock(): void {
    this.exports.app_clock(this.now);
  }

  private bytes(length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, this.exports.app_buffer(), length);
  }

  private write(text: string): number {
    const bytes = Buffer.from(text);
    this.bytes(bytes.length).set(bytes);
    return bytes.length;
  }

  private text(pointer: number, length: number): string {
    return Buffer.from(new Uint8Array(this.exports.memory.buffer, pointer, length)).toString();
  }

  private imports(): Record<string, (...values: number[]) => number | void> {
    const note =
      (name: string) =>
      (...values: number[]): number => {
        this.calls.push([name, ...values].join(" "));
        return Status.Ok;
      };
    return {
      fuel: () => void (this.fuel += 1),
      log: (_level, at, length) => void this.log.push(this.text(at, length)),
      publish: (name, nameLength, data, dataLength) =>
        this.published.push(`${this.text(name, nameLength)} ${this.text(data, dataLength)}`),
      register_function: (at, length) => this.functions.push(this.text(at, length)) - 1,
      register_variable: (at, length, type) =>
        this.variables.push(`${this.text(at, length)}:${type}`) - 1,
      subscribe: (at, length, content) =>
        this.subscriptions.push(`${this.text(at, length)}:${content}`) - 1,
      random: (at, length) => {
        new Uint8Array(this.exports.memory.buffer, at, length).fill(7);
        return length;
      },
      device_id: (at) => {
        new Uint8Array(this.exports.memory.buffer, at, 12).fill(0xab);
        return 12;
      },
      get: (number) => this.values.get(number) ?? Status.NotFound,
      control: note("control"),
      queue: note("queue"),
      update: note("update"),
    };
  }
}
