// A datagram as the event "datagram" shows it.

import type { DatagramEvent } from "./cloud-events";
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
