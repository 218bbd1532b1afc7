// The store of updates by itself: signed images arrive, in any order, and are there whole.

import { createHash } from "node:crypto";

import { EventKind, Status, StorageSlot } from "../../bindings/node";
import {
  encodePinnedKeys,
  makeUpdateKey,
  signApplication,
  signCommand,
  signFirmware,
  signKeys,
} from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { FaultyImages } from "../support/faulty-images";
import { SeededRandom } from "../support/random";
import { UpdateDevice } from "../support/update-device";
import { TEST_UPDATE_KEY } from "../support/update-key";

const image = (bytes: number, version = 1): Buffer =>
  signApplication(applicationOf(bytes), TEST_UPDATE_KEY, { version });

/** Make a device confirm what runs. */
function confirm(device: UpdateDevice): void {
  expect(device.call("application_begin", device.now)).toBe(Status.Ok);
  expect(device.call("application_healthy", device.now)).toBe(Status.Ok);
}

test("a signed application is taken and shall run", () => {
  const device = new UpdateDevice();
  expect(device.opened).toBe(0);
  const file = image(5000);
  expect(device.update(file)).toBe(Status.Ok);
  expect(device.eventsOf(EventKind.ApplicationChange)).toEqual([
    expect.objectContaining({ area: 0, length: file.length, status: Status.Ok, version: 1 }),
  ]);
  expect(device.fileIn(0, file.length)).toEqual(file);
  expect(device.running).toBe(1);
  expect(device.call("application_length")).toBe(file.length);
  expect(device.call("application_capabilities")).toBe(0);
  const progress = device.eventsOf(EventKind.UpdateProgress);
  expect(progress.length).toBeLessThanOrEqual(9);
  expect(progress.at(-1)).toMatchObject({ received: file.length, size: file.length });
  expect(device.images.unerased).toEqual([]);
});

test("the next one goes to the other area, and outlives a start", () => {
  const device = new UpdateDevice();
  expect(device.update(image(5000, 1))).toBe(Status.Ok);
  confirm(device);
  expect(device.update(image(6000, 2))).toBe(Status.Ok);
  expect(device.eventsOf(EventKind.ApplicationChange).at(-1)).toMatchObject({ area: 1 });
  device.boot();
  expect(device.opened).toBe(1);
  expect(device.running).toBe(2);
});

test.each([1, 2, 3, 4, 5])("chunks in any order, seed %d", (seed) => {
  const random = new SeededRandom(seed);
  const device = new UpdateDevice();
  const file = image(9000 + random.below(9000));
  const order = (chunks: number): number[] => {
    const indices = Array.from({ length: chunks }, (_, i) => i);
    for (let i = chunks - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [indices[i], indices[j]] = [indices[j], indices[i]];
    }
    return indices;
  };
  expect(device.update(file, { order, chunk: 512 + 4 * random.below(156) })).toBe(Status.Ok);
  expect(device.running).toBe(1);
  expect(device.images.unerased).toEqual([]);
});

describe("what was broken off", () => {
  const file = image(20_000);
  const half = (chunks: number): number[] => Array.from({ length: chunks / 2 }, (_, i) => i);

  function brokenOff(): UpdateDevice {
    const device = new UpdateDevice();
    expect(device.begin(file)).toBe(Status.Ok);
    expect(device.transfer(file, { order: half })).toBe(Status.Ok);
    device.boot();
    return device;
  }

  test("goes on where its journal says, in steps of 4096", () => {
    const device = brokenOff();
    expect(device.begin(file)).toBe(Status.Ok);
    expect(device.call("storeHeld")).toBe(8192);
    expect(device.transfer(file)).toBe(Status.Ok);
    expect(device.steps("storeFinish")).toBe(Status.Ok);
    expect(device.call("storeApply", device.now)).toBe(Status.Ok);
    expect(device.running).toBe(1);
    expect(device.images.unerased).toEqual([]);
  });

  test.each([
    ["another file", { hash: new Uint8Array(32) }],
    ["another size", { size: file.length - 1 }],
    ["told to discard", { discard: true }],
    ["no hash", { announceHash: false }],
  ])("begins anew: %s", (_, options) => {
    const device = brokenOff();
    expect(device.begin(file, options)).toBe(Status.Ok);
    expect(device.call("storeHeld")).toBe(0);
  });

  test("begins anew when the area does not hold it any more", () => {
    const device = brokenOff();
    device.images.areas.get(0)![5000] ^= 1;
    expect(device.update(file)).toBe(Status.Ok);
    expect(device.running).toBe(1);
    expect(device.images.unerased).toEqual([]);
  });

  test("is refused again when it was refused", () => {
    const device = new UpdateDevice();
    const changed = Buffer.from(file);
    changed[15_000] ^= 1;
    expect(device.send(changed)).toBe(Status.UpdateHash);
    device.boot();
    expect(device.begin(changed)).toBe(Status.Ok);
    expect(device.call("storeHeld")).toBe(0);
  });
});

describe("commands", () => {
  /** A device with versions 1 and 2, the latter running. */
  function deviceWithTwo(): UpdateDevice {
    const device = new UpdateDevice();
    for (const version of [1, 2]) {
      expect(device.update(image(5000, version))).toBe(Status.Ok);
      confirm(device);
    }
    return device;
  }
  const command = (name: "disable" | "enable" | "rollback", sequence: number): Buffer =>
    signCommand(name, TEST_UPDATE_KEY, { sequence });

  test("roll back to the application of before", () => {
    const device = deviceWithTwo();
    expect(device.update(command("rollback", 7))).toBe(Status.Ok);
    expect(device.running).toBe(1);
    device.boot();
    expect(device.running).toBe(1);
    expect(device.send(command("rollback", 7))).toBe(Status.UpdateReplayed);
  });

  test("switch applications off and on, whatever the application allows", () => {
    const device = deviceWithTwo();
    device.call("update_enable", 0, device.now);
    expect(device.update(command("disable", 1))).toBe(Status.Ok);
    expect(device.call("application_image")).toBe(Status.ApplicationDisabled);
    expect(device.eventsOf(EventKind.ApplicationChange).at(-1)).toMatchObject({
      area: -1,
      status: Status.ApplicationDisabled,
    });
    device.boot();
    expect(device.opened).toBe(0);
    expect(device.update(command("enable", 2))).toBe(Status.Ok);
    expect(device.running).toBe(2);
    expect(device.eventsOf(EventKind.ApplicationChange).at(-1)).toMatchObject({ version: 2 });
  });

  test("there is nothing to roll back to", () => {
    const device = new UpdateDevice();
    expect(device.update(image(5000))).toBe(Status.Ok);
    expect(device.send(command("rollback", 1))).toBe(Status.NotFound);
  });

  test("new keys take the place of the old ones, for good", () => {
    const device = deviceWithTwo();
    const next = makeUpdateKey();
    const rotation = signKeys([next.publicKey], TEST_UPDATE_KEY, { sequence: 3 });
    expect(device.update(rotation)).toBe(Status.Ok);
    device.boot();
    expect(device.send(image(5000, 3))).toBe(Status.UpdateSignature);
    const file = signApplication(applicationOf(5000), next, { version: 3 });
    expect(device.update(file)).toBe(Status.Ok);
    expect(device.running).toBe(3);
  });
});

test("any of four pinned keys will do", () => {
  const keys = Array.from({ length: 4 }, () => makeUpdateKey());
  const device = new UpdateDevice();
  const pinned = encodePinnedKeys(keys.map(({ publicKey }) => publicKey));
  device.storage.slots.set(StorageSlot.UpdateKeys, pinned);
  const file = signApplication(applicationOf(600), keys[3], { version: 1 });
  expect(device.update(file)).toBe(Status.Ok);
  confirm(device);
  expect(device.send(image(600, 2))).toBe(Status.UpdateSignature);
});

test("a small application is not taken for a command", () => {
  const device = new UpdateDevice();
  const file = image(0);
  expect(file.length).toBeLessThan(512);
  expect(device.update(file)).toBe(Status.Ok);
  expect(device.running).toBe(1);
});

test("native firmware is handed to the platform", () => {
  const device = new UpdateDevice({ images: new FaultyImages(65_536, 100_000) });
  const binary = Buffer.alloc(70_000, "firmware");
  const file = signFirmware(binary, TEST_UPDATE_KEY, { version: 9 });
  expect(device.update(file, { image: 3 })).toBe(Status.Ok);
  const offset = device.images.firmware!;
  expect(device.fileIn(2, file.length).subarray(offset)).toEqual(binary);
  expect(device.eventsOf(EventKind.FirmwareReady)).toEqual([
    expect.objectContaining({ version: 9 }),
  ]);
  expect(device.send(file, { image: 3 })).toBe(Status.UpdateNotNewer);
});

test("the gate holds an update up; the next start applies it, too", () => {
  const device = new UpdateDevice();
  device.call("update_gate", 0);
  expect(device.update(image(5000))).toBe(Status.Ok);
  expect(device.eventsOf(EventKind.ApplicationChange)).toEqual([]);
  expect(device.eventsOf(EventKind.UpdatePending)).toEqual([
    expect.objectContaining({ version: 1 }),
  ]);
  expect(device.running).toBeUndefined();
  expect(device.call("update_info", 7)).toBe(1);
  expect(device.call("update_gate", 1)).toBe(Status.Ok);
  expect(device.running).toBe(1);
  confirm(device);
  device.call("update_gate", 0);
  expect(device.update(image(5000, 2))).toBe(Status.Ok);
  expect(device.running).toBe(1);
  device.boot();
  expect(device.running).toBe(2);
});

test("an area that has gone bad does not run: the one of before does", () => {
  const device = new UpdateDevice();
  for (const version of [1, 2]) {
    expect(device.update(image(9000, version))).toBe(Status.Ok);
    confirm(device);
  }
  device.images.areas.get(1)![8000] ^= 4;
  device.boot();
  expect(device.opened).toBe(1);
  expect(device.steps("application_verify")).toBe(Status.ApplicationInvalid);
  expect(device.running).toBe(1);
});

test("the hash that is announced is that of the file", () => {
  const device = new UpdateDevice();
  const file = image(3000);
  const hash = createHash("sha256").update("another").digest();
  expect(device.send(file, { hash })).toBe(Status.UpdateHash);
  expect(device.send(file)).toBe(Status.Ok);
});

describe("the journal", () => {
  const SLOTS = [StorageSlot.JournalA, StorageSlot.JournalB];

  /** A device that runs version 2, confirmed. */
  function settled(): UpdateDevice {
    const device = new UpdateDevice();
    for (const version of [1, 2]) {
      expect(device.update(image(5000, version))).toBe(Status.Ok);
      confirm(device);
    }
    return device;
  }

  test("is 640 bytes at most, in turns in two slots", () => {
    const device = new UpdateDevice();
    const writes: [number, number][] = [];
    device.storage.onWrite = (slot, bytes) => void writes.push([slot, bytes.length]);
    expect(device.update(image(9000))).toBe(Status.Ok);
    confirm(device);
    expect(writes.length).toBeGreaterThan(4);
    writes.forEach(([slot, length], i) => {
      expect(slot).toBe(SLOTS[(i + 1) % 2]);
      expect(length).toBeLessThanOrEqual(640);
    });
  });

  test.each(SLOTS)("one that has gone bad is not missed: slot %d", (slot) => {
    const device = settled();
    device.storage.slots.get(slot)![100] ^= 1;
    device.boot();
    expect(device.running).toBe(2);
  });

  test.each([
    ["nothing", new Uint8Array(0)],
    ["erased flash", new Uint8Array(456).fill(0xff)],
    ["zeros", new Uint8Array(456)],
    ["too much", new Uint8Array(700).fill(1)],
  ])("with both gone the device is as never used: %s", (_, content) => {
    const device = settled();
    for (const slot of SLOTS) device.storage.slots.set(slot, Uint8Array.from(content));
    device.boot();
    expect(device.opened).toBe(0);
    expect(device.running).toBeUndefined();
    expect(device.update(image(5000, 1))).toBe(Status.Ok);
    expect(device.running).toBe(1);
  });

  test("storage that takes nothing refuses updates, and nothing changes", () => {
    const device = settled();
    device.storage.onWrite = () => "refuse";
    expect(device.begin(image(5000, 3))).toBe(Status.UpdateStorage);
    device.boot();
    expect(device.running).toBe(2);
  });

  test("storage that fails when an update is applied leaves the former", () => {
    const device = settled();
    expect(device.send(image(5000, 3))).toBe(Status.Ok);
    device.storage.onWrite = () => "refuse";
    expect(device.call("storeApply", device.now)).toBe(Status.UpdateStorage);
    device.drain();
    const ends = device.eventsOf(EventKind.UpdateEnded).map(({ status }) => status);
    expect(ends.slice(-2)).toEqual([Status.Ok, Status.UpdateStorage]);
    expect(device.running).toBe(2);
    device.boot();
    expect(device.running).toBe(2);
    expect(device.update(image(5000, 3))).toBe(Status.Ok);
    expect(device.running).toBe(3);
  });

  test("a write that happened and was reported as failed counts", () => {
    const device = settled();
    expect(device.send(image(5000, 3))).toBe(Status.Ok);
    device.storage.onWrite = () => "lie";
    expect(device.call("storeApply", device.now)).toBe(Status.Ok);
    expect(device.running).toBe(3);
    device.boot();
    expect(device.running).toBe(3);
  });
});
