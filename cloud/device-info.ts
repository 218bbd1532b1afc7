// The public view of a device.

import type { DeviceLink, LinkSession } from "./device-link";
import type { VariableType } from "./device-protocol/describe";
import type { Hello } from "./device-protocol/hello";
import type { Subscription } from "./device-protocol/subscriptions";
import type { Profile } from "./dtls/negotiation";
import { EPOCH } from "./dtls/session";
import { fingerprint } from "./keys";
import type { RegisteredDevice } from "./registry";

export interface DeviceInfo {
  id: string;
  name: string;
  /** SHA-256 of its public key, hex; empty when it has none. */
  fingerprint: string;
  /** It has a session, which it may or may not be listening to. */
  connected: boolean;
  /** It was heard in this session and did not say goodbye, fall silent or stop answering. Particle: after its Hello. */
  online: boolean;
  /** ms since 1970. */
  lastHeard?: number;
  lastHello?: Hello;
  /** From the last application describe, undefined before the first. */
  functions?: string[];
  variables?: Record<string, VariableType>;
  subscriptions: Subscription[];
  session?: SessionInfo;
}

export interface SessionInfo {
  transport: "udp" | "tcp";
  profile: Profile;
  /** Hex; empty when the client does not speak connection ids, and over TCP. */
  connectionId: string;
  address: string;
  /** 0 over TCP. */
  epoch: number;
  /** Number of the next outbound record; over TCP the frames so far. */
  nextSequenceNumber: number;
  /** Highest record number accepted; over TCP the frames so far. */
  highestReceived: number;
  /** Records, over TCP frames, since the session was made or restored. */
  records: { sent: number; received: number };
  /** Restored from storage after a restart of the cloud. */
  restored: boolean;
  /** It went on without a handshake: from another address, or after a restart of the cloud. */
  resumed: boolean;
}

export function describeDevice(device: RegisteredDevice, link?: DeviceLink): DeviceInfo {
  const session = link?.session;
  return {
    id: device.id,
    name: device.name,
    fingerprint: device.publicKey.length > 0 ? fingerprint(device.publicKey) : "",
    connected: session !== undefined,
    online: link?.online ?? false,
    lastHeard: link?.lastHeard,
    lastHello: link?.hello,
    functions: link?.application?.functions,
    variables: link?.application?.variables,
    subscriptions: [...(link?.subscriptions.all ?? [])],
    session: session && describeSession(session, link?.moves ?? 0),
  };
}

function describeSession(session: LinkSession, moves: number): SessionInfo {
  const { transport, profile, address, restored } = session;
  const records = { ...session.records };
  const common = { transport, profile, address, records, restored, resumed: restored || moves > 0 };
  if (session.transport === "tcp") {
    const { sent, received } = records;
    const numbers = { nextSequenceNumber: sent, highestReceived: received };
    return { ...common, ...numbers, connectionId: "", epoch: 0 };
  }
  return {
    ...common,
    connectionId: session.connectionId.toString("hex"),
    epoch: EPOCH,
    nextSequenceNumber: session.nextSequenceNumber,
    highestReceived: session.window.highest,
  };
}
