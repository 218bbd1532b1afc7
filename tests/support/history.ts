// What happened to the connection of a world's device, in words.

import { ConnectionState, EventKind, Reason, Status } from "../../bindings/node";
import { ContentType } from "../../cloud/dtls/protocol";
import { recordsOf } from "./wire";
import type { World } from "./world";

/** Every change: "state reason status". */
export function history(world: World): string[] {
  return world.events.flatMap((event) =>
    event.kind === EventKind.Connection
      ? `${ConnectionState[event.state]} ${Reason[event.reason]} ${Status[event.status]}`
      : [],
  );
}

/** Every end of a connection: "reason status". */
export function ends(world: World): string[] {
  return history(world)
    .filter((change) => change.startsWith("Disconnected "))
    .map((change) => change.slice("Disconnected ".length));
}

/** Descriptions of the fatal alerts that the device sent in clear. */
export function plainAlerts(world: World): number[] {
  return world.sent
    .filter(({ direction }) => direction === "up")
    .flatMap((sent) => recordsOf(sent))
    .filter(({ type, epoch }) => type === ContentType.Alert && epoch === 0)
    .map(({ fragment }) => {
      if (fragment.length !== 2 || fragment[0] !== 2) throw new Error("not a fatal alert");
      return fragment[1];
    });
}

/** Whether the device sealed anything: it may not before the server has proved itself. */
export function sealsAnything(world: World): boolean {
  return world.sent.some(
    (sent) => sent.direction === "up" && recordsOf(sent).some(({ epoch }) => epoch > 0),
  );
}

/** Whether any datagram since `from` is part of a handshake. */
export function hasHandshake(world: World, from: number): boolean {
  return world.sent.slice(from).some((sent) => recordsOf(sent).some(({ epoch }) => epoch === 0));
}
