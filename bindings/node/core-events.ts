// Events of the core as values: what `poll_event` leaves in the event buffer, with copies of names and
// data.

import { EventKind, SocketKind } from "./abi";
import type { ConnectionState, Reason, VariableType } from "./abi";
import type { Transport } from "./core";

const decoder = new TextDecoder();

/** An event of the core; names and data are copies. */
export type CoreEvent =
  | { kind: EventKind.OpenLink; reason: Reason; address: Uint8Array; transport: Transport }
  | { kind: EventKind.CloseLink; reason: Reason }
  | { kind: EventKind.Connection; state: ConnectionState; reason: Reason; status: number }
  | { kind: EventKind.PublishDone; handle: number; status: number }
  | {
      kind: EventKind.EventReceived;
      subscription: number;
      name: string;
      data: Uint8Array;
      contentFormat: number;
    }
  | { kind: EventKind.FunctionCall; number: number; call: number; argument: string }
  | { kind: EventKind.VariableRequest; number: number; call: number; type: VariableType }
  | { kind: EventKind.Time; seconds: number }
  | { kind: EventKind.Signal; on: boolean }
  | { kind: EventKind.SubscriptionsDone; status: number }
  | { kind: EventKind.ServerMoved; port: number; host: string; publicKey: Uint8Array }
  | { kind: EventKind.Flushed; status: number; pending: number }
  | { kind: EventKind.BudgetWarning; percent: number; operations: number; bytes: number }
  | { kind: EventKind.Sleep; status: number; pending: number; seconds: number }
  | { kind: EventKind.UpdateStarted; image: number; size: number }
  | { kind: EventKind.UpdateProgress; received: number; size: number }
  | { kind: EventKind.UpdateEnded; status: number; version: number; image: number }
  | { kind: EventKind.UpdatePending; version: number }
  | {
      kind: EventKind.ApplicationChange;
      /** Image area; -1 for none. */
      area: number;
      length: number;
      status: number;
      version: number;
    }
  | { kind: EventKind.FirmwareReady; version: number }
  | {
      kind: EventKind.Response;
      handle: number;
      /** Response code as class << 5 | detail, or a negative Status. */
      code: number;
      payload: Uint8Array;
      contentFormat: number;
      /** ResponseFlag bits. */
      flags: number;
    };

/**
 * An event of the core.
 * @param kind as `poll_event` returned it
 * @param event the event buffer; pointers in it lead into the same memory
 * @throws Error for a kind that this binding does not know
 */
export function decodeEvent(kind: EventKind, event: DataView): CoreEvent {
  const field = (index: number) => event.getUint32(4 * index, true);
  const signed = (index: number) => event.getInt32(4 * index, true);
  const bytes = (index: number) =>
    new Uint8Array(event.buffer, field(index), field(index + 1)).slice();
  switch (kind) {
    case EventKind.OpenLink:
      return {
        kind,
        reason: field(1),
        address: bytes(2),
        transport: field(4) === (SocketKind.Tcp as number) ? "tcp" : "udp",
      };
    case EventKind.CloseLink:
      return { kind, reason: field(1) };
    case EventKind.Connection:
      return { kind, state: field(1), reason: field(2), status: signed(3) };
    case EventKind.PublishDone:
      return { kind, handle: field(1), status: signed(2) };
    case EventKind.EventReceived:
      return {
        kind,
        subscription: field(1),
        name: decoder.decode(bytes(2)),
        data: bytes(4),
        contentFormat: field(6),
      };
    case EventKind.FunctionCall:
      return { kind, number: field(1), call: field(2), argument: decoder.decode(bytes(3)) };
    case EventKind.VariableRequest:
      return { kind, number: field(1), call: field(2), type: field(3) };
    case EventKind.Time:
      return { kind, seconds: field(1) };
    case EventKind.Signal:
      return { kind, on: field(1) === 1 };
    case EventKind.SubscriptionsDone:
      return { kind, status: signed(1) };
    case EventKind.ServerMoved:
      return {
        kind,
        port: field(1),
        host: decoder.decode(bytes(2)),
        publicKey: bytes(4),
      };
    case EventKind.Response:
      return {
        kind,
        handle: field(1),
        code: signed(2),
        payload: bytes(3),
        contentFormat: field(5),
        flags: field(6),
      };
    default:
      return decodeQueueEvent(kind, event);
  }
}

/** Events of a module with the publish queue. */
function decodeQueueEvent(kind: EventKind, event: DataView): CoreEvent {
  const field = (index: number) => event.getUint32(4 * index, true);
  const signed = (index: number) => event.getInt32(4 * index, true);
  switch (kind) {
    case EventKind.Flushed:
      return { kind, status: signed(1), pending: field(2) };
    case EventKind.BudgetWarning:
      return {
        kind,
        percent: field(1),
        operations: field(2),
        bytes: field(3) + field(4) * 2 ** 32,
      };
    case EventKind.Sleep:
      return { kind, status: signed(1), pending: field(2), seconds: field(3) };
    default:
      return decodeUpdateEvent(kind, event);
  }
}

/** Events of a module that takes updates. */
function decodeUpdateEvent(kind: EventKind, event: DataView): CoreEvent {
  const field = (index: number) => event.getUint32(4 * index, true);
  const signed = (index: number) => event.getInt32(4 * index, true);
  switch (kind) {
    case EventKind.UpdateStarted:
      return { kind, image: field(1), size: field(2) };
    case EventKind.UpdateProgress:
      return { kind, received: field(1), size: field(2) };
    case EventKind.UpdateEnded:
      return { kind, status: signed(1), version: field(2), image: field(3) };
    case EventKind.UpdatePending:
      return { kind, version: field(1) };
    case EventKind.ApplicationChange: {
      const [area, status] = [signed(1), signed(3)];
      return { kind, area, length: field(2), status, version: field(4) };
    }
    case EventKind.FirmwareReady:
      return { kind, version: field(1) };
    default:
      throw new Error(`unknown event kind ${kind as number}`);
  }
}
