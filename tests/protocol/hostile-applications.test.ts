// Every hostile application, flashed to a device in virtual time: refused by the core, or stopped by the
// host. Around each call into one, the core's memory stays as it is; none of its secrets is ever in the
// application's; the session lives.

import { createHash } from "node:crypto";

import { Status, StorageSlot, UpdateInfo } from "../../bindings/node";
import { generateKeyPair } from "../../cloud/keys";
import { UpdateFailed } from "../../cloud/updates/refusal";
import { hostileApplications } from "../support/hostile-applications";
import type { HostileApplication, HostileOutcome } from "../support/hostile-applications";
import { UpdatingWorld } from "../support/updating-world";
import { DEVICE_ID } from "../support/world";

/** Cases whose harm is in calls that are allowed: the core's memory changes as it does for anyone. */
const CALL_THE_CORE = ["flood-publish", "value-too-long"];

/** All of the core's memory but the buffer for arguments, which the bridge writes. */
function hashOf({ core }: UpdatingWorld): string {
  const memory = Buffer.from(core.exports.memory.buffer.slice(0));
  memory.fill(0, core.argument.byteOffset, core.argument.byteOffset + core.argument.length);
  return createHash("sha256").update(memory).digest("hex");
}

/** Start the application host, and compare the core's memory around each call into an application. */
function startWatched(world: UpdatingWorld): string[] {
  const changes: string[] = [];
  const { exports } = world.core;
  let before = "";
  const compare = (when: string): void => {
    if (before && hashOf(world) !== before) changes.push(when);
    before = "";
  };
  Object.assign(world.core, {
    exports: {
      ...exports,
      application_begin: (now: number) => {
        const status = exports.application_begin!(now);
        before = hashOf(world);
        return status;
      },
      application_fault: (status: Status, now: number) => {
        compare("at a fault");
        return exports.application_fault!(status, now);
      },
    },
  });
  world.startApplication();
  const host = world.host!;
  const turn = host.turn.bind(host);
  host.turn = (now) => {
    before = host.hasApplication ? hashOf(world) : "";
    const hasDone = turn(now);
    compare("after a call");
    return hasDone;
  };
  return changes;
}

/** Whether 8 bytes of a secret stand in the memory of the application that runs. */
function hasSecret(world: UpdatingWorld): boolean {
  const application = world.host!["application"];
  if (!application) return false;
  const memory = Buffer.from(application.memory.view(0, application.memory.size));
  const slots = [StorageSlot.DevicePrivateKey, StorageSlot.SessionA, StorageSlot.SessionB];
  return slots.some((slot) => {
    const secret = Buffer.from(world.storage.read(slot) ?? []);
    const parts = Array.from({ length: secret.length >> 3 }, (_, i) =>
      secret.subarray(8 * i, 8 * i + 8),
    );
    return parts.some((part) => part.some((byte) => byte !== 0) && memory.includes(part));
  });
}

describe("hostile applications", () => {
  const hostile = hostileApplications();
  const serverKey = generateKeyPair();
  const deviceKey = generateKeyPair();

  /** What became of one: how the core refused it, or how the host stopped it. */
  async function outcomeOf(world: UpdatingWorld, image: Buffer): Promise<HostileOutcome> {
    try {
      await world.flash(image);
    } catch (error) {
      if (!(error instanceof UpdateFailed)) throw error;
      return { refused: world.updateInfo(UpdateInfo.LastStatus) };
    }
    world.run(1_000);
    const fault = world.changes.find(({ status }) => status !== Status.Ok);
    return fault ? { stopped: fault.status } : "runs";
  }

  test("there are enough of them", () => {
    expect(hostile.length).toBeGreaterThanOrEqual(20);
  });

  test.each(hostile.map((one): [string, HostileApplication] => [one.name, one]))(
    "%s",
    async (name, { image, outcomes }) => {
      const world = new UpdatingWorld({ minDelay: 20, serverKey, deviceKey });
      const changed = startWatched(world);
      world.connectNow();
      const { sessionId } = world;
      const outcome = await outcomeOf(world, image);
      expect(outcomes).toContainEqual(outcome);
      if (!CALL_THE_CORE.includes(name)) expect(changed).toEqual([]);
      expect(hasSecret(world)).toBe(false);
      await world.settle(world.cloud.ping(DEVICE_ID));
      expect(world.sessionId).toBe(sessionId);
      expect(world.lateness).toBeLessThanOrEqual(50);
    },
  );
});
