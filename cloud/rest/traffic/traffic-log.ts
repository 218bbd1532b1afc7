// The last datagrams of a cloud with what was in them, and how many bytes each device has spent on what.
//
// The engine tells of a datagram first, then of the message inside, all in one turn. Handshakes name no device: their
// datagrams are counted as those of the device once it has its session.

import type { DatagramEvent, MessageEvent } from "../../cloud-events";
import { ContentType } from "../../dtls/protocol";
import type { LocalCloud } from "../../local-cloud";
import { frameLength } from "../../tcp/frame-cipher";
import { decodeOrUndefined, summarize } from "./coap-summary";
import type { Cause, CoapSummary } from "./coap-summary";
import { RequestMemory } from "./request-memory";

export interface TrafficEntry {
  /** Counts up from 0. */
  sequence: number;
  /** Counts up with every entry that is new, or has found its device late. */
  revision: number;
  /** ms since 1970. */
  at: number;
  /** Absent when nobody knows: a handshake that has not ended, noise. */
  deviceId?: string;
  address: string;
  transport: "udp" | "tcp";
  /** Seen from the cloud. */
  direction: "in" | "out";
  /** UDP payload, or the frame on TCP. */
  bytes: number;
  cause: Cause;
  /** Kinds of DTLS records, in their order. */
  records: string[];
  /** The messages that the session took from it, or put into it. */
  messages: CoapSummary[];
}

/** Bytes and datagrams of one cause. */
export interface TrafficSum {
  cause: Cause;
  up: { bytes: number; datagrams: number };
  down: { bytes: number; datagrams: number };
}

/** Addresses whose device is remembered. */
const MAX_ADDRESSES = 10_000;

const RECORD_NAMES: Record<number, string> = {
  [ContentType.ChangeCipherSpec]: "change cipher spec",
  [ContentType.Alert]: "alert",
  [ContentType.Handshake]: "handshake",
  [ContentType.ApplicationData]: "sealed",
  [ContentType.ConnectionId]: "sealed",
  [ContentType.MovedConnectionId]: "sealed, moved",
  [ContentType.ReachabilityProbe]: "probe",
};

export class TrafficLog {
  private readonly entries: TrafficEntry[] = [];
  private readonly sums = new Map<string, Map<Cause, TrafficSum>>();
  private readonly devices = new Map<string, string>();
  private readonly requests = new RequestMemory();
  private sequence = 0;
  private revision = 0;
  /** The datagram whose messages may come next. */
  private current: TrafficEntry | undefined;

  /** @param capacity entries kept; 0: nothing is recorded */
  constructor(
    private readonly cloud: LocalCloud,
    private readonly capacity: number,
    private readonly now: () => number,
  ) {
    if (capacity === 0) return;
    cloud.on("datagram", this.onDatagram);
    cloud.on("message", this.onMessage);
    cloud.on("device", this.onDevice);
  }

  /** Stop recording. */
  close(): void {
    this.cloud.off("datagram", this.onDatagram);
    this.cloud.off("message", this.onMessage);
    this.cloud.off("device", this.onDevice);
  }

  /** Revision of the next entry. */
  get end(): number {
    return this.revision;
  }

  /** Entries that are kept and have come, or changed, from a revision on; oldest first. */
  since(revision: number): TrafficEntry[] {
    return this.entries.filter((entry) => entry.revision >= revision);
  }

  /** Devices that have sums; undefined stands for what belongs to none. */
  get counted(): (string | undefined)[] {
    return [...this.sums.keys()].map((id) => (id === "" ? undefined : id));
  }

  /** Sums of a device, or of what belongs to none, since the start of the cloud. */
  sumsOf(deviceId: string | undefined): TrafficSum[] {
    return [...(this.sums.get(deviceId ?? "")?.values() ?? [])];
  }

  private readonly onDatagram = (event: DatagramEvent): void => {
    const { address, direction, bytes, records } = event;
    this.current = this.add({
      ...{ address, direction, bytes, transport: "udp", messages: [] },
      deviceId: this.devices.get(address),
      cause: causeOfRecords(records),
      records: records.map(({ type }) => RECORD_NAMES[type] ?? `type ${type}`),
    });
  };

  private readonly onMessage = (event: MessageEvent): void => {
    const { address, direction, deviceId, transport } = event;
    const message = decodeOrUndefined(event.message);
    const cause = message ? this.requests.causeOf(deviceId, direction, message) : "other";
    this.learn(address, deviceId);
    if (transport === "tcp") {
      const bytes = frameLength(event.message.length);
      const messages = message ? [summarize(message)] : [];
      this.add({ address, direction, deviceId, bytes, transport, cause, records: [], messages });
      return;
    }
    const { current } = this;
    if (current?.address !== address || current.direction !== direction) return;
    if (message) current.messages.push(summarize(message));
    // One datagram counts once: as what its first message is.
    if (current.messages.length <= 1) this.move(current, deviceId, cause);
  };

  /** A session has come about: the handshake before it was the device's. */
  private readonly onDevice = ({
    deviceId,
    change,
  }: {
    deviceId: string;
    change: string;
  }): void => {
    if (change !== "session") return;
    const address = this.cloud.device(deviceId).session?.address;
    if (address === undefined) return;
    this.learn(address, deviceId);
    for (const entry of this.entries) {
      if (entry.address !== address || entry.deviceId !== undefined) continue;
      this.move(entry, deviceId, entry.cause);
      entry.revision = this.revision++;
    }
  };

  private add(content: Omit<TrafficEntry, "sequence" | "revision" | "at">): TrafficEntry {
    const numbers = { sequence: this.sequence++, revision: this.revision++, at: this.now() };
    const entry = { ...content, ...numbers };
    this.entries.push(entry);
    if (this.entries.length > this.capacity) this.entries.shift();
    this.count(entry, 1);
    return entry;
  }

  private move(entry: TrafficEntry, deviceId: string, cause: Cause): void {
    this.count(entry, -1);
    Object.assign(entry, { deviceId, cause });
    this.count(entry, 1);
  }

  private count({ deviceId = "", cause, direction, bytes }: TrafficEntry, sign: 1 | -1): void {
    const causes = this.sums.get(deviceId) ?? new Map<Cause, TrafficSum>();
    this.sums.set(deviceId, causes);
    const none = { bytes: 0, datagrams: 0 };
    const sum = causes.get(cause) ?? { cause, up: { ...none }, down: { ...none } };
    causes.set(cause, sum);
    const way = direction === "in" ? sum.up : sum.down;
    way.bytes += sign * bytes;
    way.datagrams += sign;
  }

  private learn(address: string, deviceId: string): void {
    if (this.devices.get(address) === deviceId) return;
    this.devices.delete(address);
    this.devices.set(address, deviceId);
    if (this.devices.size <= MAX_ADDRESSES) return;
    for (const oldest of this.devices.keys()) {
      this.devices.delete(oldest);
      return;
    }
  }
}

const HANDSHAKE: number[] = [ContentType.Handshake, ContentType.ChangeCipherSpec];
const ALERT_OR_PROBE: number[] = [ContentType.Alert, ContentType.ReachabilityProbe];

/** The cause of a datagram, until a message says better. A sealed record that leads to none was dropped. */
function causeOfRecords(records: { type: number }[]): Cause {
  if (records.some(({ type }) => HANDSHAKE.includes(type))) return "handshake";
  return records.some(({ type }) => ALERT_OR_PROBE.includes(type)) ? "other" : "dropped";
}
