// A datagram as the event "datagram" shows it, and what is inside as the event "message" does.

import type { DatagramEvent, MessageEvent } from "./cloud-events";
import type { LinkSession } from "./device-link";
import { parseRecords } from "./dtls/record";

/** @param lengthOf bytes of the connection id that begins with a byte */
export function describeDatagram(
  direction: "in" | "out",
  address: string,
  datagram: Uint8Array,
  lengthOf: (first: number) => number,
): DatagramEvent {
  const { records } = parseRecords(datagram, lengthOf);
  return {
    direction,
    address,
    bytes: datagram.length,
    records: records.map(({ type, epoch, sequenceNumber, fragment }) => ({
      type,
      epoch,
      sequenceNumber,
      length: fragment.length,
    })),
    datagram,
  };
}

export function describeMessage(
  direction: "in" | "out",
  { deviceId, address, transport }: LinkSession,
  message: Uint8Array,
): MessageEvent {
  return { direction, deviceId, address, transport, message };
}
