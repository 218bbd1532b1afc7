// All sessions of the cloud, by connection id, by device, and by address where there is no connection id. A device has one
// confirmed session; a newer handshake replaces it only when its first application record arrives, so that a replayed or
// broken handshake harms nobody.

import type { Session } from "./session";

/** Handshakes of one device that were finished but never used. The oldest gives way. */
const MAX_UNCONFIRMED = 2;

export class SessionStore {
  private readonly byConnectionId = new Map<string, Session>();
  private readonly byDevice = new Map<string, Session[]>();
  /** Sessions without a connection id: at most a confirmed one and a newer one at an address. */
  private readonly byAddress = new Map<string, Session[]>();

  find(connectionId: Buffer): Session | undefined {
    return this.byConnectionId.get(connectionId.toString("hex"));
  }

  /** Sessions without a connection id at this address. */
  at(address: string): readonly Session[] {
    return this.byAddress.get(address) ?? [];
  }

  /** Is it still one of the sessions? */
  has(session: Session): boolean {
    return this.byDevice.get(session.deviceId)?.includes(session) ?? false;
  }

  /** The session that a device uses, or undefined. */
  current(deviceId: string): Session | undefined {
    return this.byDevice.get(deviceId)?.find((session) => session.confirmed);
  }

  /** Add a session. @returns unconfirmed sessions of the same device, or at the same address, that had to go */
  add(session: Session): Session[] {
    const unconfirmed = (this.byDevice.get(session.deviceId) ?? []).filter((s) => !s.confirmed);
    const evicted = unconfirmed.slice(0, Math.max(0, unconfirmed.length + 1 - MAX_UNCONFIRMED));
    if (session.connectionId.length > 0) {
      this.byConnectionId.set(session.connectionId.toString("hex"), session);
    } else {
      const replaced = this.at(session.address).filter((other) => !other.confirmed);
      evicted.push(...replaced.filter((other) => !evicted.includes(other)));
    }
    for (const old of evicted) this.remove(old);
    append(this.byDevice, session.deviceId, session);
    if (session.connectionId.length === 0) append(this.byAddress, session.address, session);
    return evicted;
  }

  /** Make a session the one of its device. @returns the older sessions that it replaces, already removed */
  confirm(session: Session): Session[] {
    session.confirm();
    const sessions = this.byDevice.get(session.deviceId) ?? [];
    const replaced = sessions.slice(0, sessions.indexOf(session));
    if (session.connectionId.length === 0) {
      const others = this.at(session.address).filter((other) => other !== session);
      replaced.push(...others.filter((other) => !replaced.includes(other)));
    }
    for (const old of replaced) this.remove(old);
    return replaced;
  }

  remove(session: Session): void {
    if (session.connectionId.length > 0) {
      this.byConnectionId.delete(session.connectionId.toString("hex"));
    } else {
      removeFrom(this.byAddress, session.address, session);
    }
    removeFrom(this.byDevice, session.deviceId, session);
  }
}

function append(lists: Map<string, Session[]>, key: string, session: Session): void {
  const list = lists.get(key);
  if (list) list.push(session);
  else lists.set(key, [session]);
}

function removeFrom(lists: Map<string, Session[]>, key: string, session: Session): void {
  const left = (lists.get(key) ?? []).filter((other) => other !== session);
  if (left.length > 0) lists.set(key, left);
  else lists.delete(key);
}
