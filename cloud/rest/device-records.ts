// What the cloud knows of a device beside its key and its session: whose it is, and what people noted about it.

import { randomBytes } from "node:crypto";
import type { Store, Table } from "../store/store";

export interface DeviceRecord {
  /** User name; absent: nobody has claimed it. */
  owner?: string;
  notes?: string;
  /** ms since 1970. */
  lastHandshakeAt?: number;
  /** Host of its last session. */
  lastIpAddress?: string;
  /** What it said last about updates over the air. */
  updatesEnabled?: boolean;
  updatesForced?: boolean;
}

interface ClaimCode {
  username: string;
  /** ms since 1970. */
  expiresAt: number;
}

const CLAIM_CODE_LIFETIME_MS = 24 * 3600_000;
const MAX_CLAIM_CODES = 1000;

export class DeviceRecords {
  private readonly table: Table<DeviceRecord>;
  private readonly claimCodes: Table<ClaimCode>;
  /** Asked for at every event. */
  private readonly owners = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly now: () => number = Date.now,
  ) {
    this.table = store.table("device-records");
    this.claimCodes = store.table("claim-codes");
    this.refresh();
  }

  /** Another process may have changed a record. @param deviceId undefined: any */
  refresh(deviceId?: string): void {
    if (deviceId !== undefined) return this.noteOwner(deviceId, this.get(deviceId).owner);
    this.owners.clear();
    for (const [id, { owner }] of this.table.entries()) this.noteOwner(id, owner);
  }

  get(deviceId: string): DeviceRecord {
    return this.table.get(deviceId) ?? {};
  }

  has(deviceId: string): boolean {
    return this.table.get(deviceId) !== undefined;
  }

  ownerOf(deviceId: string): string | undefined {
    return this.owners.get(deviceId);
  }

  /** How many devices a user has. */
  countOf(username: string): number {
    let count = 0;
    for (const owner of this.owners.values()) if (owner === username) count++;
    return count;
  }

  /** Events go from a device to those of its owner; unclaimed devices share theirs. */
  haveSameOwner(sender: string, receiver: string): boolean {
    return this.owners.get(sender) === this.owners.get(receiver);
  }

  /** Change some fields; undefined takes one away. */
  update(deviceId: string, changes: Partial<DeviceRecord>, durable = true): void {
    const record = { ...this.get(deviceId), ...changes };
    this.table.put(deviceId, record, durable);
    this.noteOwner(deviceId, record.owner);
  }

  private noteOwner(deviceId: string, owner: string | undefined): void {
    if (owner === undefined) this.owners.delete(deviceId);
    else this.owners.set(deviceId, owner);
  }

  /** A code by which a device, once it has been told, claims itself for the user. 63 characters. */
  makeClaimCode(username: string): string {
    const code = randomBytes(48).toString("base64").slice(0, 63);
    this.store.transaction(() => {
      const codes = this.claimCodes.entries();
      const over = codes.filter(([, { expiresAt }]) => expiresAt <= this.now());
      const oldest = codes.sort(([, a], [, b]) => a.expiresAt - b.expiresAt);
      const surplus = oldest.slice(0, Math.max(0, codes.length - MAX_CLAIM_CODES + 1));
      for (const [key] of [...over, ...surplus]) this.claimCodes.remove(key);
      const expiresAt = this.now() + CLAIM_CODE_LIFETIME_MS;
      this.claimCodes.put(code, { username, expiresAt });
    });
    return code;
  }

  /** A device has shown a claim code. It works once. @returns the new owner */
  redeemClaimCode(deviceId: string, code: string): string | undefined {
    const claim = code.length === 63 ? this.claimCodes.get(code) : undefined;
    if (!claim || claim.expiresAt <= this.now()) return undefined;
    this.store.transaction(() => {
      this.claimCodes.remove(code);
      this.update(deviceId, { owner: claim.username });
    });
    return claim.username;
  }
}
