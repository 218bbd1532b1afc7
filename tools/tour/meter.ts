// Counts the datagrams of one device at both ends, so that a step of the tour can say what it cost
// and that both sides saw the same.

import type { Device } from "../../bindings/node";
import type { LocalCloud } from "../../cloud";

export interface Cost {
  up: number;
  down: number;
  datagrams: number;
}

/** IPv4 and UDP headers of a datagram, bytes. */
const IP_UDP_HEADERS = 28;

export function formatCost({ up, down, datagrams }: Cost): string {
  const onIp = up + down + datagrams * IP_UDP_HEADERS;
  return `${up} B up, ${down} B down in ${datagrams} datagrams (${onIp} B on IPv4)`;
}

/** First byte of the datagram that ends a handshake: the server's ChangeCipherSpec. */
const CHANGE_CIPHER_SPEC = 20;

export class Meter {
  /** Cost up to the end of the first handshake. */
  handshake: Cost | undefined;
  private readonly device: Cost = { up: 0, down: 0, datagrams: 0 };
  private readonly cloud: Cost = { up: 0, down: 0, datagrams: 0 };
  private mark: Cost = { ...this.device };

  watchCloud(cloud: LocalCloud): void {
    cloud.on("datagram", ({ direction, bytes }) => {
      this.cloud[direction === "in" ? "up" : "down"] += bytes;
      this.cloud.datagrams += 1;
    });
  }

  watchDevice(device: Device): void {
    device.on("datagram", ({ direction, bytes }) => {
      this.device[direction] += bytes.length;
      this.device.datagrams += 1;
      if (bytes[0] === CHANGE_CIPHER_SPEC) this.handshake ??= this.take();
    });
  }

  /** What was counted since the last call. */
  take(): Cost {
    const cost = {
      up: this.device.up - this.mark.up,
      down: this.device.down - this.mark.down,
      datagrams: this.device.datagrams - this.mark.datagrams,
    };
    this.mark = { ...this.device };
    return cost;
  }

  /** What was counted in all. */
  get total(): Cost {
    return { ...this.device };
  }

  /** Whether both ends have counted the same. */
  get agrees(): boolean {
    const { device, cloud } = this;
    return (
      device.up === cloud.up && device.down === cloud.down && device.datagrams === cloud.datagrams
    );
  }
}
