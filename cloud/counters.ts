// Named counters: everything that is dropped is counted by its reason.

/** Why a datagram, record, message or TCP connection was dropped. */
export type DropReason =
  | "empty-datagram"
  | "malformed-record"
  | "late-client-hello"
  | "malformed-client-hello"
  | "fragmented-client-hello"
  | "unknown-connection-id"
  | "unknown-record-type"
  | "unexpected-epoch"
  | "no-handshake"
  | "replayed-record"
  | "unauthenticated-record"
  | "empty-record"
  | "plaintext-alert"
  | "malformed-probe"
  | "malformed-message"
  | "duplicate-message"
  | "unknown-acknowledgement"
  | "unknown-response"
  | "unknown-request"
  | "storage-failure"
  | "connection-refused"
  | "connection-rejected"
  | "connection-timeout"
  | "connection-not-reading"
  | "malformed-frame"
  | "oversized-message"
  | "message-overflow";

/** Counts by reason; a reason that never occurred is absent. */
export type Counters = Partial<Record<DropReason, number>>;

/** Add one to a counter. */
export function count(counters: Counters, reason: DropReason): void {
  counters[reason] = (counters[reason] ?? 0) + 1;
}
