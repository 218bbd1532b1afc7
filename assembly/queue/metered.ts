// The device's input and output with the meter beside them: each datagram is booked by its cause, and
// the requests of the server that it brought are counted.

import { connectionState } from "../connection";
import { deviceHandleDatagram, devicePollTransmit } from "../device";
import { dtlsIsEstablished } from "../dtls/state";
import { ConnectionState } from "../events";
import { ledgerReceived, ledgerSent } from "../meter/ledger";
import { meterServed } from "../meter/operations";
import { trafficReset } from "../util/traffic";
import { diagnosisHear } from "./diagnosis";

/** As `deviceHandleDatagram`. */
export function meterHandleDatagram(length: i32, now: u32): void {
  const wasEstablished = dtlsIsEstablished();
  const isResuming = connectionState() == ConnectionState.Resuming;
  trafficReset();
  diagnosisHear();
  deviceHandleDatagram(length, now);
  meterServed();
  ledgerReceived(length, wasEstablished, isResuming);
}

/** As `devicePollTransmit`. */
export function meterPollTransmit(now: u32): i32 {
  const wasEstablished = dtlsIsEstablished();
  const isResuming = connectionState() == ConnectionState.Resuming;
  trafficReset();
  const length = devicePollTransmit(now);
  if (length > 0) ledgerSent(length, wasEstablished, isResuming);
  return length;
}
