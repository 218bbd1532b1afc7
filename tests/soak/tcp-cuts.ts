// The handshake over TCP in every division of what the device sends into one to three pieces.

import { connectedTcp } from "../support/tcp-fixture";

/** Bytes of the device up to its Hello: its message of the key exchange, then one frame. */
const MESSAGE = 256;
const HELLO_FRAME = 34;

export interface CutsReport {
  divisions: number;
  /** Divisions in which something went wrong. */
  failed: [number, number][];
}

/** @param step 1 for every place; a larger one leaves places out */
export function tcpCuts(step = 1): CutsReport {
  const { cloud, again } = connectedTcp();
  const report: CutsReport = { divisions: 0, failed: [] };
  const length = MESSAGE + HELLO_FRAME;
  for (let first = 0; first < length; first += step) {
    for (let second = first; second < length; second += step) {
      const device = again("device");
      device.openConnection(cloud);
      const cuts = [first, second, length];
      const message = device.deviceMessage();
      let at = 0;
      for (const end of [...cuts.filter((cut) => cut < MESSAGE), MESSAGE]) {
        device.give(cloud, message.subarray(at, end));
        at = end;
      }
      const hello = device.hello();
      for (const end of cuts.filter((cut) => cut > MESSAGE)) {
        device.give(cloud, hello.subarray(at - MESSAGE, end - MESSAGE));
        at = end;
      }
      report.divisions++;
      if (device.received.length !== 1 || device.closed) report.failed.push([first, second]);
      cloud.handleDisconnection("device", 0);
    }
  }
  return report;
}
