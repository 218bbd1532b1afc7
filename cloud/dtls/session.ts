// One established DTLS session: keys, counters, replay window and the address where its device was heard last.
// It is found by connection id alone, from any address (RFC 9146 §6), or by its address when it has no such id.

import type { KeyBlock } from "./key-schedule";
import type { Profile } from "./negotiation";
import { ContentType } from "./protocol";
import {
  DRAFT_05,
  MAX_SEQUENCE_NUMBER,
  RFC_9146,
  encodeRecord,
  openAnyRecord,
  sealRecordFor,
} from "./record";
import type { ConnectionIdVariant, DtlsRecord, WriteKey } from "./record";
import { ReplayWindow } from "./replay-window";

/** Epoch of every protected record: renegotiation does not exist here. */
export const EPOCH = 1;

/** Outbound record numbers that one stored reservation covers. */
export const RESERVED_RECORDS = 64;

/** A session as JSON. Byte strings are hex. */
export interface StoredSession {
  connectionId: string;
  /** Absent: "particle". */
  profile?: Profile;
  variant: ConnectionIdVariant["aad"];
  /** What records to the client carry. Absent: nothing. */
  peerConnectionId?: string;
  keys: Record<keyof KeyBlock, string>;
  /** No record with this number or above was ever sent. */
  reservedSequence: number;
  window: { highest: number; bits: string };
  address: string;
}

export interface SessionFields {
  connectionId: Buffer;
  deviceId: string;
  profile: Profile;
  keys: KeyBlock;
  /** What records to the client carry: an id of its own, or nothing. */
  peerConnectionId: Buffer;
  address: string;
  window: ReplayWindow;
  /** Number of the next outbound record. */
  writeSequence?: number;
  /** The id by which a client may resume it. */
  resumptionId?: Buffer;
}

export class Session {
  readonly transport = "udp" as const;
  /** What records of the client carry; empty when it does not speak connection ids. */
  readonly connectionId: Buffer;
  readonly deviceId: string;
  readonly profile: Profile;
  readonly variant: ConnectionIdVariant;
  readonly resumptionId: Buffer | undefined;
  readonly window: ReplayWindow;
  address: string;
  /** An application record arrived: the device has verified our Finished and uses this session. */
  confirmed = false;
  /** The session came from stored state, not from a handshake of this run. */
  restored = false;
  /** Records sent and accepted since this object exists. */
  readonly records = { sent: 0, received: 0 };

  private readonly keys: KeyBlock;
  private readonly peerConnectionId: Buffer;
  private writeSequence: number;
  private reservedSequence = 0;
  private finalFlight: { finished: Buffer; plainSequence: number } | undefined;

  /** @param reserve stores this session durably; throws when it cannot */
  constructor(
    fields: SessionFields,
    private readonly reserve: (session: Session) => void,
  ) {
    this.connectionId = fields.connectionId;
    this.deviceId = fields.deviceId;
    this.profile = fields.profile;
    this.variant = fields.profile === "particle" ? DRAFT_05 : RFC_9146;
    this.keys = fields.keys;
    this.peerConnectionId = fields.peerConnectionId;
    this.address = fields.address;
    this.window = fields.window;
    this.writeSequence = fields.writeSequence ?? 0;
    this.resumptionId = fields.resumptionId;
  }

  /** Record number of the next outbound record. */
  get nextSequenceNumber(): number {
    return this.writeSequence;
  }

  /**
   * Seal one record for the device.
   *
   * A confirmed session must outlive a restart of the cloud, and must then not use a record number twice: numbers are
   * reserved in storage, 64 at a time, before the first of them is used.
   *
   * @throws Error when the reservation cannot be stored, or after 2^48 records
   */
  seal(type: ContentType, plaintext: Uint8Array): Buffer {
    if (this.writeSequence >= MAX_SEQUENCE_NUMBER) throw new Error("record numbers are used up");
    if (this.confirmed && this.writeSequence >= this.reservedSequence) this.reserveRecords();
    const sequenceNumber = this.writeSequence++;
    this.records.sent++;
    const key = { key: this.keys.serverWriteKey, iv: this.keys.serverWriteIv };
    const header = { type, epoch: EPOCH, sequenceNumber };
    return sealRecordFor(this.peerConnectionId, header, plaintext, key, this.variant);
  }

  /**
   * Open a record of the device and move the replay window.
   * @returns undefined when it does not authenticate; `newest` says whether no later record came before
   */
  open(record: DtlsRecord): { contentType: number; content: Buffer; newest: boolean } | undefined {
    const inner = openAnyRecord(record, this.readKey, this.variant);
    if (!inner) return undefined;
    this.records.received++;
    return { ...inner, newest: this.window.accept(record.sequenceNumber) };
  }

  /** Is it a record of this session? Nothing changes. */
  authenticates(record: DtlsRecord): boolean {
    return openAnyRecord(record, this.readKey, this.variant) !== undefined;
  }

  /**
   * Build ChangeCipherSpec and Finished with fresh record numbers, in one datagram of 67 bytes.
   * @returns undefined once the device has shown that it received them
   */
  sealFinalFlight(): Buffer | undefined {
    if (!this.finalFlight) return undefined;
    const changeCipherSpec = encodeRecord({
      type: ContentType.ChangeCipherSpec,
      epoch: 0,
      sequenceNumber: this.finalFlight.plainSequence++,
      fragment: Buffer.of(1),
    });
    const finished = this.seal(ContentType.Handshake, this.finalFlight.finished);
    return Buffer.concat([changeCipherSpec, finished]);
  }

  /** Keep the server's Finished, to answer a retransmitted one of the client (RFC 6347 §4.2.4). */
  keepFinalFlight(finished: Buffer, plainSequence: number): void {
    this.finalFlight = { finished, plainSequence };
  }

  /** The first application record arrived. */
  confirm(): void {
    this.confirmed = true;
    this.finalFlight = undefined;
  }

  toJSON(): StoredSession {
    const keys = Object.fromEntries(
      Object.entries(this.keys).map(([name, bytes]) => [name, (bytes as Buffer).toString("hex")]),
    ) as StoredSession["keys"];
    return {
      connectionId: this.connectionId.toString("hex"),
      profile: this.profile,
      variant: this.variant.aad,
      peerConnectionId: this.peerConnectionId.toString("hex"),
      keys,
      reservedSequence: this.reservedSequence,
      window: this.window.toJSON(),
      address: this.address,
    };
  }

  /** Restore a session. Outbound numbers go on at the end of the reservation, unused ones are skipped. */
  static fromJSON(
    stored: StoredSession,
    deviceId: string,
    reserve: (session: Session) => void,
  ): Session {
    const bytes = (name: keyof KeyBlock): Buffer => Buffer.from(stored.keys[name], "hex");
    const session = new Session(
      {
        connectionId: Buffer.from(stored.connectionId, "hex"),
        deviceId,
        keys: {
          clientWriteKey: bytes("clientWriteKey"),
          serverWriteKey: bytes("serverWriteKey"),
          clientWriteIv: bytes("clientWriteIv"),
          serverWriteIv: bytes("serverWriteIv"),
        },
        profile: stored.profile ?? "particle",
        peerConnectionId: Buffer.from(stored.peerConnectionId ?? "", "hex"),
        address: stored.address,
        window: ReplayWindow.fromJSON(stored.window),
      },
      reserve,
    );
    if (session.variant.aad !== stored.variant) throw new Error("profile and AAD do not match");
    session.writeSequence = stored.reservedSequence;
    session.reservedSequence = stored.reservedSequence;
    session.confirmed = true;
    session.restored = true;
    return session;
  }

  private get readKey(): WriteKey {
    return { key: this.keys.clientWriteKey, iv: this.keys.clientWriteIv };
  }

  private reserveRecords(): void {
    const before = this.reservedSequence;
    this.reservedSequence = this.writeSequence + RESERVED_RECORDS;
    try {
      this.reserve(this);
    } catch (error) {
      this.reservedSequence = before;
      throw error;
    }
  }
}
