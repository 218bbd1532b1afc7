// All sessions of the cloud, by connection id and by device. A device has one confirmed session; a newer handshake
// replaces it only when its first application record arrives, so that a replayed or broken handshake harms nobody.

import type { Session } from "./session";

/** Handshakes of one device that were finished but never used. The oldest gives way. */
const MAX_UNCONFIRMED = 2;

export class SessionStore {
  private readonly byConnectionId = new Map<string, Session>();
  private readonly byDevice = new Map<string, Session[]>();

  get size(): number {
    return this.byConnectionId.size;
  }

  find(connectionId: Buffer): Session | undefined {
    return this.byConnectionId.get(connectionId.toString("hex"));
  }

  /** The session that a device uses, or undefined. */
  current(deviceId: string): Session | undefined {
    return this.byDevice.get(deviceId)?.find((session) => session.confirmed);
  }

  /** Add a session. @returns unconfirmed sessions of the same device that had to go */
  add(session: Session): Session[] {
    const sessions = this.byDevice.get(session.deviceId) ?? [];
    sessions.push(session);
    this.byDevice.set(session.deviceId, sessions);
    this.byConnectionId.set(session.connectionId.toString("hex"), session);
    const unconfirmed = sessions.filter((other) => !other.confirmed);
    const evicted = unconfirmed.slice(0, Math.max(0, unconfirmed.length - MAX_UNCONFIRMED));
    for (const old of evicted) this.remove(old);
    return evicted;
  }

  /** Make a session the one of its device. @returns the older sessions that it replaces, already removed */
  confirm(session: Session): Session[] {
    session.confirm();
    const sessions = this.byDevice.get(session.deviceId) ?? [];
    const replaced = sessions.slice(0, sessions.indexOf(session));
    for (const old of replaced) this.remove(old);
    return replaced;
  }

  remove(session: Session): void {
    this.byConnectionId.delete(session.connectionId.toString("hex"));
    const left = (this.byDevice.get(session.deviceId) ?? []).filter((other) => other !== session);
    if (left.length > 0) this.byDevice.set(session.deviceId, left);
    else this.byDevice.delete(session.deviceId);
  }
}
