// Why there is no connection, as far as the device can tell: what the last attempts came to, and
// whether anything came back at all. It only watches; nothing depends on it.

import { ConnectionState, Reason } from "../events";
import { Status } from "../status";
import { Diagnosis } from "./numbers";

/** Ends of connections that are remembered: u8 reason, i8 status each, newest first. */
const REMEMBERED: i32 = 8;
// @ts-ignore: decorator
@lazy
const ENDS: usize = memory.data(16, 2);

let verdict: i32 = Diagnosis.Unknown;
/** Whether the host has opened a socket, and datagrams that came, in this attempt. */
let hadLink: bool = false;
let heard: i32 = 0;

/** A datagram came from the address of the server. */
export function diagnosisHear(): void {
  heard += 1;
}

function judge(reason: i32, status: i32): i32 {
  if (reason == Reason.LinkLost) return hadLink ? verdict : Diagnosis.NoNetwork;
  if (reason != Reason.HandshakeFailed) return verdict;
  if (status == Status.AuthenticationFailed) return Diagnosis.WrongServer;
  if (status == Status.AlertReceived) return Diagnosis.Refused;
  return heard ? Diagnosis.PortalSuspected : Diagnosis.Silent;
}

/** The connection changed. */
export function diagnosisNote(state: i32, reason: i32, status: i32): void {
  if (state == ConnectionState.Opening) {
    hadLink = false;
    heard = 0;
  } else if (state == ConnectionState.Handshake || state == ConnectionState.Resuming) {
    hadLink = true;
  } else if (state == ConnectionState.Connected) {
    verdict = Diagnosis.Connected;
  } else if (state == ConnectionState.Disconnected) {
    memory.copy(ENDS + 2, ENDS, 2 * (REMEMBERED - 1));
    store<u8>(ENDS, reason);
    store<i8>(ENDS, status, 1);
    verdict = judge(reason, status);
  }
}

/** @returns Diagnosis */
export function diagnosis(): i32 {
  return verdict;
}

/**
 * Why a connection ended.
 * @param back 0 the last one, up to 7
 * @returns Reason, and the Status behind it as `reason | (status & 255) << 8`; 0 for none
 */
export function lastEnd(back: i32): i32 {
  if (back < 0 || back >= REMEMBERED) return 0;
  const at = ENDS + ((<usize>back) << 1);
  return (<i32>load<u8>(at)) | ((<i32>load<u8>(at, 1)) << 8);
}
