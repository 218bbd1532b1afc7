// An application module that runs: an instance of its own, with a memory of its own, beside the core.
// Each call into it is bounded in steps and time; whatever it does wrong ends it, and nothing else.

import { Buffer } from "node:buffer";

import { EventKind, Status } from "./abi";
import { Belongings, bridgeImports } from "./application-bridge";
import type { Bridged } from "./application-bridge";
import { ApplicationStop, Fuel } from "./application-fuel";
import type { FuelOptions } from "./application-fuel";
import { ApplicationMemory } from "./application-memory";
import { ApplicationRefused, PAGE, boundModule } from "./application-module";
import type { Core } from "./core";

/** Version of the bridge that this host offers. */
const BRIDGE_VERSION = 1;
/** Least capacity of the application's buffer: the longest name and data of an event. */
const MIN_BUFFER = 1152;
/** Memory of an application unless the host says otherwise, KiB. */
const DEFAULT_MEMORY = 1024;

export interface ApplicationLimits extends FuelOptions {
  /** Memory that an application may have, KiB; 1024 unless given. */
  memory?: number;
}

export interface ApplicationImage {
  /** The image file: manifest, module and all. */
  file: Uint8Array;
  /** Capability bits that its manifest grants. */
  capabilities: number;
}

/** Exports of an application module; see docs/updates.md. */
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

/** Parameters of each. */
const FUNCTIONS: Record<string, number> = {
  app_abi: 0,
  app_buffer: 0,
  app_buffer_capacity: 0,
  app_clock: 1,
  setup: 0,
  loop: 0,
  app_event: 5,
};

/** @throws ApplicationRefused when one is missing, or something else */
function checkedExports(exports: WebAssembly.Exports): ApplicationExports {
  if (!(exports.memory instanceof WebAssembly.Memory)) {
    throw new ApplicationRefused("exports no memory");
  }
  for (const [name, parameters] of Object.entries(FUNCTIONS)) {
    const exported = exports[name];
    if (typeof exported !== "function" || exported.length !== parameters) {
      throw new ApplicationRefused(`exports no ${name} of ${parameters} parameters`);
    }
  }
  return exports as unknown as ApplicationExports;
}

export class Application implements Bridged {
  readonly belongings = new Belongings();
  readonly fuel: Fuel;
  /** Device time of the present call, or of the last one. */
  now = 0;
  /** Whether a call into the application is on its way. */
  isRunning = false;
  private readonly exports: ApplicationExports;
  private readonly bounds: ApplicationMemory;
  private readonly buffer: number;
  private readonly capacity: number;

  /**
   * Load an application; nothing of what it is for has run then.
   * @throws ApplicationRefused when it is no application of this host's; CompileError and LinkError
   *   of WebAssembly; ApplicationStop
   */
  constructor(core: Core, image: ApplicationImage, limits: ApplicationLimits = {}) {
    this.fuel = new Fuel(limits);
    const pages = Math.floor(((limits.memory ?? DEFAULT_MEMORY) * 1024) / PAGE);
    const module = new WebAssembly.Module(boundModule(image.file, pages));
    const imports = bridgeImports(module, image.capabilities, core, this);
    const { exports } = new WebAssembly.Instance(module, imports);
    this.exports = checkedExports(exports);
    this.bounds = new ApplicationMemory(this.exports.memory, this.fuel);
    const facts = this.call(({ app_abi, app_buffer, app_buffer_capacity }) => [
      ...[app_abi(), app_buffer(), app_buffer_capacity()],
    ]);
    if (!facts.every(Number.isInteger)) throw new ApplicationRefused("answers no i32");
    const [version, buffer, capacity] = facts;
    if (version !== BRIDGE_VERSION) {
      throw new ApplicationRefused(`speaks bridge ${version}, this host ${BRIDGE_VERSION}`);
    }
    if (capacity < MIN_BUFFER || !this.bounds.holds(buffer, capacity)) {
      throw new ApplicationRefused("has no buffer for events");
    }
    this.buffer = buffer;
    this.capacity = capacity;
  }

  /** Its memory, for the bridge. */
  get memory(): ApplicationMemory {
    return this.bounds;
  }

  /** @throws ApplicationStop, as each of the next */
  setup(now: number): void {
    this.callAt(now, (exports) => exports.setup());
  }

  loop(now: number): void {
    this.callAt(now, (exports) => exports.loop());
  }

  /** Call a function. @returns its result; undefined when the application refuses */
  callFunction(number: number, argument: Uint8Array, now: number): number | undefined {
    if (argument.length > this.capacity) return undefined;
    const status = this.tell(EventKind.FunctionCall, [number, argument.length], [argument], now);
    if (status < 0) return undefined;
    return Buffer.from(this.bounds.view(this.buffer, 4)).readInt32LE();
  }

  /** Read a variable. @returns its value as `variable_result` takes it; undefined when refused */
  readVariable(number: number, type: number, now: number): Uint8Array | undefined {
    const length = this.tell(EventKind.VariableRequest, [number, type], [], now);
    if (length < 0 || length > this.capacity) return undefined;
    return this.bounds.view(this.buffer, length).slice();
  }

  /** Hand over an event of a subscription; one that is longer than its buffer is not. */
  receive(
    subscription: number,
    event: { name: Uint8Array; data: Uint8Array; contentFormat: number },
    now: number,
  ): void {
    const { name, data, contentFormat } = event;
    if (name.length + data.length > this.capacity) return;
    const fields = [subscription, name.length, data.length, contentFormat];
    this.tell(EventKind.EventReceived, fields, [name, data], now);
  }

  /** Tell of anything that is only numbers. */
  notify(kind: EventKind, fields: number[], now: number): void {
    this.tell(kind, fields, [], now);
  }

  /** @param parts one after the other in the application's buffer */
  private tell(kind: EventKind, fields: number[], parts: Uint8Array[], now: number): number {
    const [a, b = 0, c = 0, d = 0] = fields;
    return this.callAt(now, ({ app_event }) => {
      const buffer = this.bounds.view(this.buffer, this.capacity);
      let at = 0;
      for (const part of parts) {
        buffer.set(part, at);
        at += part.length;
      }
      return app_event(kind, a, b, c, d) | 0;
    });
  }

  private callAt<T>(now: number, work: (exports: ApplicationExports) => T): T {
    this.now = now;
    return this.call((exports) => {
      exports.app_clock(now);
      return work(exports);
    });
  }

  /** One call, with fuel of its own. @throws ApplicationStop for whatever ends it */
  private call<T>(work: (exports: ApplicationExports) => T): T {
    if (this.isRunning) throw new Error("an application is not called while it runs");
    this.isRunning = true;
    this.fuel.begin();
    let result: T | undefined;
    try {
      result = work(this.exports);
    } catch (error) {
      // A trap, or the end of the stack: a RuntimeError or RangeError of the engine.
      const text = error instanceof Error ? error.message : String(error);
      this.fuel.stopped ??= new ApplicationStop(Status.ApplicationTrap, text);
    } finally {
      this.isRunning = false;
    }
    if (this.fuel.stopped) throw this.fuel.stopped;
    return result as T;
  }
}
