// A scripted device on a UDP socket that takes updates, for tests of what stands above the cloud's engine.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import path from "node:path";
import { keyPairFromSec1 } from "../../cloud/keys";
import { DEVICE_FILES } from "../../cloud/provision";
import { ScriptedDevice } from "./scripted-device";
import { UpdateReceiver } from "./update-receiver";
import type { Outgoing, ReceiverFaults } from "./update-receiver";

const SERVER_HELLO_DONE = 14;

export class FlashDevice {
  readonly receiver: UpdateReceiver;
  private readonly device: ScriptedDevice;
  private readonly socket: Socket = createSocket("udp4");
  private timer: NodeJS.Timeout | undefined;
  private onDatagram: (datagram: Buffer) => void = () => {};

  /** @param folder with the keys of the device, as `provision` writes them */
  constructor(
    private readonly port: number,
    folder: string,
    faults: ReceiverFaults = {},
  ) {
    const read = (name: string): Buffer => readFileSync(path.join(folder, name));
    this.device = new ScriptedDevice({
      id: read(DEVICE_FILES.deviceId).toString().trim(),
      serverSpki: read(DEVICE_FILES.serverPublicKey),
      keyPair: keyPairFromSec1(read(DEVICE_FILES.deviceKey)),
    });
    this.receiver = new UpdateReceiver((message) => this.send(message), faults);
    this.socket.on("message", (datagram) => this.onDatagram(datagram));
  }

  /** Handshake and Hello. */
  async connect(): Promise<void> {
    const { device } = this;
    const first = this.next();
    this.transmit(device.clientHello());
    const cookie = device.parseHelloVerifyRequest(await first);
    const flight = this.take(() => device.seen.includes(SERVER_HELLO_DONE));
    this.transmit(device.clientHello(cookie));
    await flight;
    const finished = this.take(() => device.finished);
    this.transmit(Buffer.concat(device.secondFlight()));
    await finished;
    this.onDatagram = (datagram) => this.handleDatagram(datagram);
    this.transmit(device.hello());
  }

  /** Publish an event, without an acknowledgement. */
  publish(name: string, data: string): void {
    const options = ["E", name].map((part) => ({ number: 11, value: Buffer.from(part) }));
    this.send({ type: 1, code: 2, options, payload: Buffer.from(data) });
  }

  close(): void {
    clearTimeout(this.timer);
    this.socket.close();
  }

  private send(message: Outgoing): void {
    const given = Object.entries(message).filter(([, value]) => value !== undefined);
    this.transmit(this.device.coap(Object.fromEntries(given) as never, 0));
  }

  private transmit(datagram: Buffer): void {
    this.socket.send(datagram, this.port, "127.0.0.1");
  }

  private next(): Promise<Buffer> {
    return new Promise((resolve) => (this.onDatagram = resolve));
  }

  /** Take datagrams in until a condition holds. */
  private take(enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.onDatagram = (datagram) => {
        this.device.handleDatagram(datagram);
        if (enough()) resolve();
      };
    });
  }

  private handleDatagram(datagram: Buffer): void {
    const { device, receiver } = this;
    const before = device.received.length;
    device.handleDatagram(datagram);
    for (const message of device.received.slice(before)) {
      if (message.type >= 2 || receiver.handle(message, performance.now())) continue;
      if (message.type === 0) this.send({ type: 2, code: 0, messageId: message.messageId });
    }
    this.wait();
  }

  private wait(): void {
    clearTimeout(this.timer);
    const deadline = this.receiver.nextDeadline();
    if (deadline === Infinity) return;
    this.timer = setTimeout(
      () => {
        this.receiver.handleTimeout(performance.now());
        this.wait();
      },
      Math.max(1, deadline - performance.now()),
    );
  }
}
