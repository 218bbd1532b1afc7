// The device's input and output with the meter beside them: each datagram is booked by its cause, and
// the requests of the server that it brought are counted.

import { connectionState } from "../connection";
import { devicePollTransmit, deviceReceive } from "../device";
import { dtlsIsEstablished } from "../dtls/state";
import { ConnectionState } from "../events";
import { ledgerReceived, ledgerSent } from "../meter/ledger";
import { meterServed } from "../meter/operations";
import { trafficReset } from "../util/traffic";
import { diagnosisHear } from "./diagnosis";

/** Bytes of the datagram that is handled; 0 for none. */
let datagram: i32 = 0;
let wasEstablished: bool = false;
let isResuming: bool = false;

/** As `deviceReceive`: a datagram begins with its length, and is booked when nothing is left of it. */
export function meterReceive(length: i32, now: u32): bool {
  if (length > 0) {
    datagram = length;
    wasEstablished = dtlsIsEstablished();
    isResuming = connectionState() == ConnectionState.Resuming;
    trafficReset();
    diagnosisHear();
  }
  if (deviceReceive(length, now)) return true;
  meterServed();
  if (datagram) ledgerReceived(datagram, wasEstablished, isResuming);
  datagram = 0;
  return false;
}

/** As `devicePollTransmit`. */
export function meterPollTransmit(now: u32): i32 {
  wasEstablished = dtlsIsEstablished();
  isResuming = connectionState() == ConnectionState.Resuming;
  trafficReset();
  const length = devicePollTransmit(now);
  if (length > 0) ledgerSent(length, wasEstablished, isResuming);
  return length;
}
