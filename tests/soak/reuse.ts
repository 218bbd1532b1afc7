// What must be new each time over the whole life of a device: record numbers within a session, and
// message ids of different messages.

import { CoapType } from "../../cloud/coap/codec";
import { recordsOf, wireRecords } from "../support/wire";
import type { World } from "../support/world";

/** What the device sent, without the datagrams (by index) that no power was there for. */
export interface Reuse {
  records: number;
  sessions: number;
  problems: string[];
}

export function findReuse(world: World, unsent: ReadonlySet<number>): Reuse {
  const used = new Set<string>();
  const sessions = new Set<string>();
  const problems: string[] = [];
  for (const [index, sent] of world.sent.entries()) {
    if (sent.direction === "down" || unsent.has(index)) continue;
    for (const { connectionId, sequenceNumber } of recordsOf(sent)) {
      if (!connectionId) continue;
      const session = connectionId.toString("hex");
      const name = `${session} ${sequenceNumber}`;
      if (used.has(name)) problems.push(`record: ${name} at ${sent.at} ms again`);
      used.add(name);
      sessions.add(session);
    }
  }
  problems.push(...reusedMessageIds(world, unsent));
  return { records: used.size, sessions: sessions.size, problems };
}

function reusedMessageIds(world: World, unsent: ReadonlySet<number>): string[] {
  const given = new Map<string, string>();
  const problems: string[] = [];
  for (const { message, connectionId, content, datagram } of wireRecords(world)) {
    if (!message || !connectionId || unsent.has(datagram)) continue;
    if (message.type === CoapType.Acknowledgement || message.type === CoapType.Reset) continue;
    const name = `${connectionId.toString("hex")} ${message.messageId}`;
    const text = content!.toString("hex");
    if ((given.get(name) ?? text) !== text) problems.push(`message id: ${name} again`);
    given.set(name, text);
  }
  return problems;
}
