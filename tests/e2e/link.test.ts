// The UDP socket of a Node device, when there is none to be had. Nothing is sent: without SO_BROADCAST
// the system refuses the address.

import path from "node:path";

import {
  ConnectionState,
  Device,
  MemoryStorage,
  StorageSlot,
  loadModule,
} from "../../bindings/node";
import { Link } from "../../bindings/node/link";
import { exportSec1, generateKeyPair } from "../../cloud/keys";
import { projectRoot } from "../support/fixture";

const REFUSED = { host: "255.255.255.255", port: 5684 };
/** The core's first pause between two attempts is 1 s. */
const LONGER_THAN_A_PAUSE = 1500;

test("a socket that cannot be connected is refused, not taken for an open one", async () => {
  const handlers = { datagram: () => undefined, failed: () => undefined };
  await expect(Link.open(REFUSED.host, REFUSED.port, handlers)).rejects.toMatchObject({
    code: "EACCES",
  });
});

test("a device that disconnects between two attempts makes no other", async () => {
  const storage = new MemoryStorage();
  storage.slots.set(StorageSlot.DevicePrivateKey, exportSec1(generateKeyPair()));
  storage.slots.set(StorageSlot.ServerPublicKey, generateKeyPair().spki);
  const module = loadModule(path.join(projectRoot, "build/boson.wasm"));
  const deviceId = "0123456789abcdef01234567";
  const device = new Device({ module, storage, deviceId, server: REFUSED });
  const states: ConnectionState[] = [];
  const failed = new Promise<void>((resolve) => {
    device.on("connection", ({ state }) => {
      states.push(state);
      if (state === ConnectionState.Disconnected) resolve();
    });
  });
  void device.connect();
  await failed;
  const before = states.length;
  await device.disconnect();
  await new Promise((resolve) => setTimeout(resolve, LONGER_THAN_A_PAUSE));
  expect(states.slice(before)).not.toContain(ConnectionState.Opening);
  device.stop();
});
