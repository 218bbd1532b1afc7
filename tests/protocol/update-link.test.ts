// Updates over the air from the cloud's sender to the real core in virtual time: what they cost on links that lose
// datagrams (a slice of the campaign in tests/soak), and what goes on meanwhile.

import { MemoryImages } from "../../bindings/node";
import type { FlashOptions, UpdateResult } from "../../cloud";
import { LARGE, SMALL, imageOfSize, updateCampaign, updateProblems } from "../soak/updates";
import { otaModule, updatableStorage } from "../support/updating-world";
import { DEVICE_ID, World } from "../support/world";
import type { WorldOptions } from "../support/world";

jest.setTimeout(120_000);

const IMAGE = imageOfSize(40_000);

function connected(options: WorldOptions = {}): World & { images: MemoryImages } {
  const images = new MemoryImages();
  const world = new World({
    ...{ module: otaModule(), storage: updatableStorage(), minDelay: 100 },
    device: { images },
    ...options,
    onBoot: (core, now) => {
      core.exports.update_open!(now);
      core.registerFunction("led", now);
    },
  });
  world.connectNow();
  world.run(30_000);
  return Object.assign(world, { images });
}

/** Begin an update and go on until the device has so much of it. */
function begun(world: World, bytes: number, options: FlashOptions = {}): Promise<UpdateResult> {
  const flash = world.cloud.flash(DEVICE_ID, IMAGE, options);
  flash.catch(() => {});
  world.drain();
  world.runUntil(() => (world.cloud.updateOf(DEVICE_ID)?.sent ?? 0) >= bytes, 600_000);
  return flash;
}

test.each([
  { which: SMALL, count: 40 },
  { which: LARGE, count: 2 },
])("$which.id: bytes and seconds", async ({ which, count }) => {
  const { figures, reports } = await updateCampaign(which, count);
  expect(
    reports.flatMap(({ seed, problems }) => problems.map((text) => `${seed}: ${text}`)),
  ).toEqual([]);
  expect(updateProblems(figures)).toEqual([]);
});

test("an update goes on where it was when the device loses its power", async () => {
  const world = connected();
  const flash = begun(world, 20_000);
  world.startDevice();
  world.connect();
  const result = await world.settle(flash, 600_000);
  expect(result.attempts).toBeGreaterThan(1);
  expect(result.resumedAt).toBeGreaterThanOrEqual(12_288);
});

test("an update goes on where it was when the cloud is restarted", async () => {
  const world = connected();
  void begun(world, 20_000);
  world.startCloud();
  const again = world.cloud.flash(DEVICE_ID, IMAGE, { waitForDevice: true });
  world.core.exports.request_time?.();
  world.drain();
  const result = await world.settle(again, 3600_000);
  expect(result).toMatchObject({ attempts: 1 });
  expect(result.resumedAt).toBeGreaterThanOrEqual(12_288);
});

test("a session that ends does not end the update", async () => {
  const world = connected();
  const flash = begun(world, 20_000);
  world.cloud.disconnect(DEVICE_ID);
  world.drain();
  const result = await world.settle(flash, 3600_000);
  expect(result.resumedAt).toBeGreaterThanOrEqual(12_288);
});

test("a file that nobody signed is refused with the device's reason, in the session", async () => {
  const world = connected();
  const { session } = world;
  const forged = Buffer.from(IMAGE);
  // In its manifest.
  forged[45] ^= 1;
  const flash = world.cloud.flash(DEVICE_ID, forged);
  const failure: unknown = await world.settle(flash, 600_000).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "update-refused", reason: "bad-signature" });
  expect(world.session).toBe(session);
  await expect(world.settle(world.cloud.flash(DEVICE_ID, IMAGE), 600_000)).resolves.toMatchObject({
    size: IMAGE.length,
  });
});

test("cancelling it lets the device forget about it", async () => {
  const world = connected();
  const abort = new AbortController();
  const flash = begun(world, 20_000, { signal: abort.signal });
  abort.abort();
  await expect(world.settle(flash)).rejects.toMatchObject({ code: "update-cancelled" });
  world.run(5000);
  // State 0: nothing is under way.
  expect(world.core.exports.update_info!(0)).toBe(0);
});
