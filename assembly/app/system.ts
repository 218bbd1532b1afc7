// `System`: events of the system, modes, clock, identity, and the planned way to sleep.

import { ConnectionState, EventKind } from "../events";
import { Status } from "../status";
import { uptime } from "../util/uptime";
import {
  deviceConnect,
  deviceId,
  diagnosis,
  queueSleep,
  randomFill,
  updateControl,
  updateInfo,
} from "./core";
import { millis } from "./raw";
import { setTime } from "./time";
import { UpdateControl, UpdateInfo } from "./update-numbers";

/** How long the queue may take before the device sleeps all the same, ms. */
const FLUSH_TIMEOUT: i32 = 30000;

/** What `System.on` can be told of; combine with `|`. */
export const enum SystemEvent {
  /** The connection changed: the handler gets a CloudStatus. */
  CloudStatus = 1,
  /** The cloud has told the time; the handler gets 0. */
  TimeChanged = 2,
  /** A threshold of the budget is reached; the handler gets 70, 90 or 100. */
  BudgetWarning = 4,
  /** The cloud wants the device to show itself (1), or no longer (0). */
  Signal = 8,
  /** An update is complete and waits: the handler gets its version. */
  UpdatePending = 16,
}

/** Numbers as Device OS has them. */
export const enum CloudStatus {
  Disconnected = 0,
  Connecting = 1,
  Handshake = 2,
  SessionResume = 3,
  Connected = 8,
  Disconnecting = 9,
}

export const enum SystemMode {
  /** Connect before `setup()` returns to the host. */
  Automatic = 1,
  /** The application calls `Particle.connect()`. */
  SemiAutomatic = 2,
  /** As SemiAutomatic: nothing here blocks, so nothing need be pumped by hand. */
  Manual = 3,
}

const LISTENERS: i32 = 8;
/** u32 events, u32 handler each. */
// @ts-ignore: decorator
@lazy
const TABLE: usize = memory.data(64, 4);

function cloudStatusOf(state: u32): i32 {
  switch (state) {
    case ConnectionState.Opening:
      return CloudStatus.Connecting;
    case ConnectionState.Handshake:
    case ConnectionState.Hello:
      return CloudStatus.Handshake;
    case ConnectionState.Resuming:
      return CloudStatus.SessionResume;
    case ConnectionState.Connected:
      return CloudStatus.Connected;
    case ConnectionState.Disconnecting:
      return CloudStatus.Disconnecting;
    default:
      return CloudStatus.Disconnected;
  }
}

function tell(event: u32, value: i32): void {
  for (let i = 0; i < LISTENERS; i++) {
    const at = TABLE + ((<usize>i) << 3);
    if (load<u32>(at) & event) call_indirect<void>(load<u32>(at, 4), event, value);
  }
}

/** An event that the host gets, too. */
export function dispatchSystem(kind: i32, a: u32): void {
  if (kind == EventKind.Connection) {
    tell(SystemEvent.CloudStatus, cloudStatusOf(a));
  } else if (kind == EventKind.Time) {
    setTime(a);
    tell(SystemEvent.TimeChanged, 0);
  } else if (kind == EventKind.BudgetWarning) {
    tell(SystemEvent.BudgetWarning, a);
  } else if (kind == EventKind.Signal) {
    tell(SystemEvent.Signal, a);
  } else if (kind == EventKind.UpdatePending) {
    tell(SystemEvent.UpdatePending, a);
  }
}

export class System {
  /**
   * Sleep once every publish is acknowledged, 30 s at most. The host wakes the device by starting it
   * again: what must outlive the sleep belongs into storage.
   * @param seconds 0 until something else wakes it
   * @param goodbye whether to tell the cloud; a short sleep is cheaper without
   * @returns Status.Ok; Status.InvalidState while going to sleep
   */
  static sleep(seconds: u32, goodbye: bool = true): i32 {
    return queueSleep(seconds, goodbye, FLUSH_TIMEOUT, millis());
  }

  /**
   * Be told of events of the system.
   * @param events SystemEvent bits
   * @returns Status.Ok; Status.InvalidArgument; Status.NoSpace (8 handlers)
   */
  static on(events: u32, handler: (event: u32, value: i32) => void): i32 {
    if (!events) return Status.InvalidArgument;
    for (let i = 0; i < LISTENERS; i++) {
      const at = TABLE + ((<usize>i) << 3);
      if (load<u32>(at)) continue;
      store<u32>(at, events);
      store<u32>(at, handler.index, 4);
      return Status.Ok;
    }
    return Status.NoSpace;
  }

  /** Be told no longer. @returns Status.Ok; Status.NotFound */
  static off(handler: (event: u32, value: i32) => void): i32 {
    let status: i32 = Status.NotFound;
    for (let i = 0; i < LISTENERS; i++) {
      const at = TABLE + ((<usize>i) << 3);
      if (!load<u32>(at) || load<u32>(at, 4) != handler.index) continue;
      store<u32>(at, 0);
      status = Status.Ok;
    }
    return status;
  }

  /** Choose a mode, in `setup()`. @param mode SystemMode @returns Status.Ok; Status.InvalidArgument */
  static mode(mode: i32): i32 {
    if (mode < SystemMode.Automatic || mode > SystemMode.Manual) return Status.InvalidArgument;
    // InvalidState: it connects already.
    if (mode == SystemMode.Automatic) deviceConnect(millis());
    return Status.Ok;
  }

  /** Why there is no connection, as far as the device can tell. @returns Diagnosis */
  static diagnosis(): i32 {
    return diagnosis();
  }

  /** Milliseconds since the device started, not wrapping. */
  static millis(): u64 {
    return uptime();
  }

  /** Seconds since the device started. */
  static uptime(): u32 {
    return <u32>(uptime() / 1000);
  }

  /** The device id, 24 hexadecimal digits. */
  static deviceID(): string {
    const id = deviceId();
    let text = "";
    for (let i = 0; i < 12; i++) {
      const byte = <u32>load<u8>(id + i);
      text += (byte >>> 4).toString(16) + (byte & 15).toString(16);
    }
    return text;
  }

  /** Fill `data` with secure random bytes. @returns its length; Status.HostFailure */
  static random(data: Uint8Array): i32 {
    return randomFill(data.dataStart, data.length);
  }

  // ---- updates of an application module; linked with the core, an application gets NotSupported ----

  /** Take updates over the air. @returns Status.Ok; Status.NotSupported */
  static enableUpdates(): i32 {
    return updateControl(UpdateControl.Enable, 1);
  }

  /** Refuse updates over the air, but forced ones. @returns Status.Ok; Status.NotSupported */
  static disableUpdates(): i32 {
    return updateControl(UpdateControl.Enable, 0);
  }

  static updatesEnabled(): bool {
    return updateInfo(UpdateInfo.Enabled) > 0;
  }

  /** Whether an update is complete and waits to be applied. */
  static updatesPending(): bool {
    return updateInfo(UpdateInfo.Pending) > 0;
  }

  /** Let complete updates wait for `applyUpdate`, or apply them at once. @returns as `enableUpdates` */
  static holdUpdates(hold: bool): i32 {
    return updateControl(UpdateControl.Gate, hold ? 0 : 1);
  }

  /** Apply the update that waits: this application ends. @returns Status.Ok; Status.InvalidState */
  static applyUpdate(): i32 {
    return updateControl(UpdateControl.Apply, 0);
  }

  /** Say that this version works, before its probation is over. @returns as `enableUpdates` */
  static confirmUpdate(): i32 {
    return updateControl(UpdateControl.Healthy, 0);
  }

  /** Version that this application was signed with; Status.NotSupported */
  static version(): i32 {
    return updateInfo(UpdateInfo.Version);
  }

  /** Status of the last update; Status.NotSupported */
  static lastUpdate(): i32 {
    return updateInfo(UpdateInfo.LastStatus);
  }
}
