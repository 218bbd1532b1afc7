// The bridge: what an application module may import (docs/updates.md). The host stands between two
// memories: it copies what the application gives into the core's argument buffer, after it has checked
// that all of it lies in the application's own memory. No address of the core ever crosses.

import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";

import { Capability, Meter, Statistic, Status, UpdateInfo } from "./abi";
import type { ApplicationMemory } from "./application-memory";
import { ApplicationRefused } from "./application-module";
import type { Fuel } from "./application-fuel";
import type { Core } from "./core";

type Import = (...values: number[]) => number | void;

/**
 * Numbers of functions, variables or subscriptions: the application counts its own from 0, the core
 * behind those of the program.
 */
export class Numbers {
  private readonly inCore: number[] = [];

  /** @param number of the core, or a negative Status @returns the application's, or the Status */
  add(number: number): number {
    return number < 0 ? number : this.inCore.push(number) - 1;
  }

  /** @returns the application's number; undefined when the core's is none of its */
  own(number: number): number | undefined {
    const own = this.inCore.indexOf(number);
    return own < 0 ? undefined : own;
  }
}

/** What an application has in the core. */
export class Belongings {
  readonly functions = new Numbers();
  readonly variables = new Numbers();
  readonly subscriptions = new Numbers();
  /** Handles of publishes that have not ended. */
  readonly publishes = new Set<number>();
}

/** What the bridge needs of the instance. */
export interface Bridged {
  readonly memory: ApplicationMemory;
  readonly fuel: Fuel;
  readonly belongings: Belongings;
  /** Device time of the call that runs, ms. */
  readonly now: number;
}

/** Longest text of a log line that is passed on, bytes. */
const LOG_CAPACITY = 1024;
/** Levels of log lines, as the core has them. */
const LOG_MIN = 1;
const LOG_MAX = 50;
/** How long the queue may take before the device sleeps all the same, ms. */
const SLEEP_FLUSH = 30_000;
const FIRST_STATISTIC = 16;
const FIRST_METER = 64;
/** Arguments that take 128 KiB of stack, which the deepest call into the core does not. */
const STACK_PROBE = new Array<number>(16_384).fill(0);

/** Publish and queue: `Capability.Publish`. */
function publishing(core: Core, app: Bridged): Record<string, Import> {
  const { exports } = core;
  return {
    publish(name, nameLength, data, dataLength, format, ttl, options) {
      const first = app.memory.view(name, nameLength);
      const second = app.memory.view(data, dataLength);
      app.fuel.publish(app.now);
      if (first.length + second.length > core.argument.length) return Status.TooLong;
      core.argument.set(first);
      core.argument.set(second, first.length);
      const handle = exports.publish(first.length, second.length, format, ttl, options);
      if (handle > 0) app.belongings.publishes.add(handle);
      return handle;
    },
    queue(number, a, b) {
      switch (number) {
        case 1:
          return exports.queue_state!(a);
        case 2:
          return app.belongings.publishes.has(a) ? exports.queue_cancel!(a) : Status.NotFound;
        case 3:
          return exports.queue_policy!(a);
        case 4:
          return exports.queue_pacing!(a, b);
        case 5:
          return exports.set_max_event_data!(a);
        default:
          return Status.NotFound;
      }
    },
  };
}

/** Put a name into the argument buffer. @returns its length, or Status.TooLong */
function passName(core: Core, app: Bridged, name: number, length: number): number {
  const bytes = app.memory.view(name, length);
  if (bytes.length > core.argument.length) return Status.TooLong;
  core.argument.set(bytes);
  return bytes.length;
}

function subscribing(core: Core, app: Bridged): Record<string, Import> {
  return {
    subscribe(prefix, length, content) {
      const passed = passName(core, app, prefix, length);
      if (passed < 0) return passed;
      return app.belongings.subscriptions.add(core.exports.subscribe(passed, content, app.now));
    },
  };
}

/** Functions and variables: `Capability.Register`. */
function registering(core: Core, app: Bridged): Record<string, Import> {
  return {
    register_function(name, length) {
      const passed = passName(core, app, name, length);
      if (passed < 0) return passed;
      return app.belongings.functions.add(core.exports.register_function(passed, app.now));
    },
    register_variable(name, length, type) {
      const passed = passName(core, app, name, length);
      if (passed < 0) return passed;
      const number = core.exports.register_variable(passed, type, app.now);
      return app.belongings.variables.add(number);
    },
  };
}

function connecting({ exports }: Core, app: Bridged): Record<string, Import> {
  return {
    control(number, a, b) {
      switch (number) {
        case 1:
          return exports.connect(app.now);
        case 2:
          return exports.disconnect(a, b, app.now);
        case 3:
          return exports.set_keepalive(a);
        case 4:
          return exports.request_time();
        case 5:
          exports.publish_vitals();
          return Status.Ok;
        case 6:
          return exports.sleep!(a, b, SLEEP_FLUSH, app.now);
        case 7:
          return exports.queue_flush!(a, app.now);
        default:
          return Status.NotFound;
      }
    },
  };
}

function randomly(core: Core, app: Bridged): Record<string, Import> {
  return {
    random(buffer, length) {
      const bytes = app.memory.view(buffer, length);
      try {
        if (core.options.random) core.options.random(bytes);
        else randomFillSync(bytes);
        return bytes.length;
      } catch {
        return Status.RandomFailure;
      }
    },
  };
}

/** A number that only reads. */
function read({ exports }: Core, number: number): number {
  switch (number) {
    case 1:
      return exports.connection_state();
    case 2:
      return exports.max_event_data!();
    case 3:
      return exports.queue_pending!();
    case 4:
      return exports.update_info!(UpdateInfo.PendingVersion) ? 1 : 0;
    case 5:
      return exports.update_info!(UpdateInfo.Enabled);
    case 6:
      return exports.application_version!();
    case 7:
      return exports.update_info!(UpdateInfo.LastStatus);
    case 8:
      return exports.diagnosis!();
  }
  const statistic = number - FIRST_STATISTIC;
  if (statistic in Statistic && number < FIRST_METER) return exports.statistic(statistic);
  const meter = number - FIRST_METER;
  return meter in Meter ? exports.meter!(meter) : Status.NotFound;
}

/** What every application has. */
function always(core: Core, app: Bridged): Record<string, Import> {
  const { exports } = core;
  return {
    log(level, text, length) {
      const bytes = app.memory.view(text, length).subarray(0, LOG_CAPACITY);
      const bounded = Math.max(LOG_MIN, Math.min(level, LOG_MAX));
      core.options.log?.(bounded, Buffer.from(bytes).toString());
    },
    device_id(buffer) {
      const id = Buffer.from(core.options.deviceId, "hex");
      app.memory.view(buffer, id.length).set(id);
      return id.length;
    },
    get: (number) => read(core, number),
    update(number, a) {
      switch (number) {
        case 1:
          return exports.update_enable!(a, app.now);
        case 2:
          return exports.update_gate!(a);
        case 3:
          return exports.application_healthy!(app.now);
        case 4:
          return exports.update_apply!(app.now);
        default:
          return Status.NotFound;
      }
    },
  };
}

/** Pins and buses. The board reads and writes the application's memory, as the application asked. */
function boarding(core: Core, app: Bridged): Record<string, Import> {
  return {
    call(number, a, b, data, length) {
      const bytes = app.memory.view(data, length);
      const { board } = core.options;
      if (!board) return Status.NotSupported;
      try {
        return board(number, a, b, bytes);
      } catch {
        return Status.HostFailure;
      }
    },
  };
}

type Offer = [
  space: string,
  needs: Capability | 0,
  make: (core: Core, app: Bridged) => Record<string, Import>,
];

const OFFERS: readonly Offer[] = [
  ["wboson", 0, always],
  ["wboson", Capability.Publish, publishing],
  ["wboson", Capability.Subscribe, subscribing],
  ["wboson", Capability.Register, registering],
  ["wboson", Capability.Connection, connecting],
  ["wboson", Capability.Random, randomly],
  ["board", Capability.Board, boarding],
];

/**
 * Whether the core can still be called: an application that recurses as deeply as it can must not
 * have the core run out of stack in the middle of its work.
 */
function requireStack(fuel: Fuel): void {
  try {
    Reflect.apply(Number, undefined, STACK_PROBE);
  } catch {
    fuel.stop(Status.ApplicationTrap, "has left no stack");
  }
}

/**
 * An import that counts as a step, looks at the clock, and leaves the core stack enough. A module may
 * declare other types than i32: what is no number ends it, what has a fraction loses it.
 */
function guarded(work: Import, { fuel }: Bridged): Import {
  return (...values) => {
    fuel.step();
    fuel.checkTime();
    requireStack(fuel);
    return work(...values.map((value) => value | 0));
  };
}

/** Imports by "module.name". */
type Imports = Map<string, Import>;

/** All that there is, and of that what the capabilities grant. */
function offered(capabilities: number, core: Core, app: Bridged): { all: Imports; given: Imports } {
  const all: Imports = new Map([["wboson.fuel", () => app.fuel.step()]]);
  const given: Imports = new Map(all);
  for (const [space, needs, make] of OFFERS) {
    const granted = (capabilities & needs) === needs;
    for (const [name, work] of Object.entries(make(core, app))) {
      const whole = guarded(work, app);
      all.set(`${space}.${name}`, whole);
      if (granted) given.set(`${space}.${name}`, whole);
    }
  }
  return { all, given };
}

/**
 * The imports of an application: those of its module, and no other.
 * @param capabilities Capability bits of its manifest
 * @throws ApplicationRefused for an import that there is not, or that the manifest does not grant
 */
export function bridgeImports(
  module: WebAssembly.Module,
  capabilities: number,
  core: Core,
  app: Bridged,
): WebAssembly.Imports {
  const { all, given } = offered(capabilities, core, app);
  const imports: Record<string, Record<string, Import>> = {};
  for (const { module: space, name, kind } of WebAssembly.Module.imports(module)) {
    const path = `${space}.${name}`;
    const work = given.get(path);
    if (kind !== "function" || !all.has(path)) {
      throw new ApplicationRefused(`imports ${path}, which there is not`);
    }
    if (!work) throw new ApplicationRefused(`imports ${path}, which its manifest does not grant`);
    imports[space] = { ...imports[space], [name]: work };
  }
  return imports;
}
