// Data operations, as the Particle plans count them: each publish, each delivery of an event to the
// device, each function call and each read of a variable is one for every begun 1024 bytes. What does
// not count: internal events ("particle", "spark"), acknowledgements, keepalives, session set-up,
// firmware. Repetitions of messages are counted apart.

import { Served, trafficServed } from "../util/traffic";
import { Meter } from "./numbers";
import { meterState, stateLoad, stateSave } from "./state";

/** Operations between two writes of the meter; 0: it is not stored. */
let writeEvery: u32 = 0;
let unwritten: u32 = 0;
let isLoaded: bool = false;

/** Load what was counted before the last start, once. */
export function meterLoad(): void {
  if (!isLoaded) stateLoad();
  isLoaded = true;
}

/**
 * Keep the meter in storage.
 * @param operations a write each so many; a power cut loses at most as many
 */
export function meterStore(operations: u32): void {
  meterLoad();
  writeEvery = operations;
}

/** Write what was counted since the last write. */
export function meterFlush(): void {
  if (!writeEvery || !unwritten) return;
  unwritten = 0;
  stateSave();
}

function note(operations: u32): void {
  unwritten += operations;
  if (writeEvery && unwritten >= writeEvery) meterFlush();
}

/** Operations of a message with so many bytes of data. */
export function operationsOf(length: i32): u32 {
  return max((length + 1023) >>> 10, 1);
}

/** A publish is done: acknowledged, or sent without acknowledgement. */
export function meterPublish(length: i32): void {
  meterState().publishes += operationsOf(length);
  note(operationsOf(length));
}

/**
 * A stored publish is acknowledged. It is counted in the same write that says so: after a power cut
 * before its slot is erased, it is neither counted nor sent again.
 */
export function meterStoredPublish(id: u32, length: i32): void {
  const state = meterState();
  state.publishes += operationsOf(length);
  state.countedId = id;
  unwritten = 0;
  stateSave();
}

/** A publish that went out has failed. */
export function meterUnconfirmed(length: i32): void {
  meterState().unconfirmed += operationsOf(length);
}

/** Count the requests that were served since `trafficReset`; data of those fit 1024 bytes. */
export function meterServed(): void {
  const state = meterState();
  const events = trafficServed(Served.Event);
  const functions = trafficServed(Served.Function);
  const variables = trafficServed(Served.Variable);
  if (!(events | functions | variables)) return;
  state.deliveries += events;
  state.functions += functions;
  state.variables += variables;
  note(events + functions + variables);
}

/** A datagram passed. @param bytes of IPv4 @param again whether its message went out before */
export function meterDatagram(bytes: i32, again: bool): void {
  meterState().bytes += bytes;
  if (again) meterState().repetitions += 1;
}

/** Data operations of the period. */
export function meterOperations(): u32 {
  const state = meterState();
  return state.publishes + state.deliveries + state.functions + state.variables;
}

/** Begin another period with empty counters. @param period number, not 0 */
export function meterPeriod(period: u32): void {
  const state = meterState();
  if (state.period == period) return;
  // The first number that is known names the period that runs.
  const isNew = state.period != 0;
  state.period = period;
  if (isNew) {
    state.publishes = 0;
    state.deliveries = 0;
    state.functions = 0;
    state.variables = 0;
    state.unconfirmed = 0;
    state.repetitions = 0;
    state.bytes = 0;
    state.warned = 0;
  }
  unwritten += 1;
  meterFlush();
}

/** @param number Meter @returns the figure, 32 bits without sign; 0 for another number */
export function meterValue(number: i32): u32 {
  const state = meterState();
  switch (number) {
    case Meter.Publishes:
      return state.publishes;
    case Meter.Deliveries:
      return state.deliveries;
    case Meter.Functions:
      return state.functions;
    case Meter.Variables:
      return state.variables;
    case Meter.Operations:
      return meterOperations();
    case Meter.Unconfirmed:
      return state.unconfirmed;
    case Meter.Repetitions:
      return state.repetitions;
    case Meter.Bytes:
      return <u32>state.bytes;
    case Meter.BytesHigh:
      return <u32>(state.bytes >>> 32);
    case Meter.Period:
      return state.period;
    default:
      return 0;
  }
}
