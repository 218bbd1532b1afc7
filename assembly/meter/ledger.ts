// The byte ledger: what each datagram was for, in UDP payload bytes and datagrams, both ways, since
// the start. Tells where the data plan goes.

import { Purpose } from "../coap/outbox";
import {
  Served,
  trafficAnswered,
  trafficIsRepetition,
  trafficReset,
  trafficSent,
  trafficServed,
} from "../util/traffic";
import { meterDatagram } from "./operations";

/** Part of the host interface. */
export const enum Cause {
  /** DTLS handshake, alerts. */
  Handshake = 0,
  /** Hello and its answer: set-up of the device protocol. */
  Hello = 1,
  /** The ping that takes up a session when nothing else is to be sent. */
  Resume = 2,
  Keepalive = 3,
  /** Descriptions, vitals among them. */
  Describe = 4,
  Subscribe = 5,
  Publish = 6,
  Time = 7,
  /** Events that the cloud sends, and their acknowledgements. */
  Event = 8,
  /** Calls and reads, and their answers. */
  Call = 9,
  Goodbye = 10,
  /** What was dropped, repeated by the cloud, or fits nothing above. */
  Other = 11,
}
const CAUSES: i32 = 12;

/** Figures of a cause. Part of the host interface. */
export const enum LedgerField {
  UpBytes = 0,
  UpDatagrams = 1,
  DownBytes = 2,
  DownDatagrams = 3,
}

/** Bytes of the headers of IPv4 and UDP. */
const IP_HEADERS: i32 = 28;

/** 12 causes of four u32. */
// @ts-ignore: decorator
@lazy
const LEDGER: usize = memory.data(192, 4);
/** Cause of the request that came last: its acknowledgement is booked with it. */
let lastServed: i32 = Cause.Other;

function book(cause: i32, field: i32, bytes: i32, again: bool): void {
  const at = LEDGER + <usize>(cause * 16 + field * 4);
  store<u32>(at, load<u32>(at) + bytes);
  store<u32>(at, load<u32>(at, 4) + 1, 4);
  meterDatagram(bytes + IP_HEADERS, again);
}

/** @param purpose of coap/outbox.ts @param isResuming whether nothing was heard yet */
function causeOf(purpose: i32, isResuming: bool): i32 {
  switch (purpose) {
    case Purpose.Hello:
      return Cause.Hello;
    case Purpose.Ping:
      return isResuming ? Cause.Resume : Cause.Keepalive;
    case Purpose.Describe:
      return Cause.Describe;
    case Purpose.Subscribe:
      return Cause.Subscribe;
    case Purpose.Publish:
      return Cause.Publish;
    case Purpose.Time:
      return Cause.Time;
    case Purpose.Response:
      return Cause.Call;
    case Purpose.Goodbye:
      return Cause.Goodbye;
    default:
      return Cause.Other;
  }
}

function servedCause(): i32 {
  if (trafficServed(Served.Event)) return Cause.Event;
  if (trafficServed(Served.Function) | trafficServed(Served.Variable)) return Cause.Call;
  return Cause.Other;
}

/**
 * A datagram goes out; `trafficReset` was called before it was built.
 * @param wasEstablished whether the session was up before
 */
export function ledgerSent(length: i32, wasEstablished: bool, isResuming: bool): void {
  const purpose = trafficSent();
  let cause: i32 = Cause.Handshake;
  // A reply without a purpose is the acknowledgement of a request.
  if (purpose) cause = causeOf(purpose, isResuming);
  else if (wasEstablished) cause = lastServed;
  book(cause, LedgerField.UpBytes, length, purpose != 0 && trafficIsRepetition());
}

/** A datagram came; `trafficReset` was called before it was handled. */
export function ledgerReceived(length: i32, wasEstablished: bool, isResuming: bool): void {
  const purpose = trafficAnswered();
  let cause: i32 = Cause.Handshake;
  if (purpose) cause = causeOf(purpose, isResuming);
  else if (wasEstablished) cause = lastServed = servedCause();
  book(cause, LedgerField.DownBytes, length, false);
  trafficReset();
}

/** @param cause Cause @param field LedgerField @returns the figure, 32 bits without sign; 0 for another */
export function ledgerValue(cause: i32, field: i32): u32 {
  if (cause < 0 || cause >= CAUSES || field < 0 || field > 3) return 0;
  return load<u32>(LEDGER + <usize>(cause * 16 + field * 4));
}
