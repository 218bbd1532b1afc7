// An application that goes wrong while it is on probation, in virtual time: the one before is back
// within a second of device time, the session stays, and no timer of the connection is late.

import { Status, UpdateInfo } from "../../bindings/node";
import { applicationText, data } from "../support/application-text";
import { assemble } from "../support/assemble";
import { UpdatingWorld, imageOf } from "../support/updating-world";
import { DEVICE_ID } from "../support/world";

/** Publish the name of four bytes at 4096. */
const PUBLISH = `(drop (call $publish (i32.const 4096) (i32.const 4) (i32.const 4096) (i32.const 4)
  (i32.const 0) (i32.const -1) (i32.const 1)))`;
/** Do something in the 100th loop(), a second after the start. */
const afterASecond = (work: string): string => `(call $fuel)
  (global.set $loops (i32.add (global.get $loops) (i32.const 1)))
  (if (i32.gt_u (global.get $loops) (i32.const 100)) (then ${work}))`;
const LOOPS = "(global $loops (mut i32) (i32.const 0))";
const FOR_EVER = "(loop $again (call $fuel) (br $again))";

const MODULES = assemble({
  good: applicationText({
    imports: ["publish", "register_function"],
    setup: `${PUBLISH} (drop (call $register_function (i32.const 4096) (i32.const 4)))`,
    event: "(i32.store (i32.const 1024) (i32.const 1)) (i32.const 0)",
    after: data(4096, "good"),
  }),
  trapsInSetup: applicationText({ setup: "(unreachable)" }),
  trapsLater: applicationText({
    imports: ["fuel"],
    loop: afterASecond("unreachable"),
    after: LOOPS,
  }),
  loopsInSetup: applicationText({ imports: ["fuel"], setup: FOR_EVER }),
  loopsLater: applicationText({
    imports: ["fuel"],
    loop: afterASecond(FOR_EVER),
    after: LOOPS,
  }),
  // 39 of each 40 ms, then for ever: whatever falls due does so during a call.
  slowThenLoops: applicationText({
    imports: ["fuel"],
    loop: `(local $i i32) ${afterASecond(FOR_EVER)}
      (loop $again (call $fuel) (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 39000))))`,
    after: LOOPS,
  }),
  loopsInACall: applicationText({
    imports: ["fuel", "register_function"],
    setup: "(drop (call $register_function (i32.const 4096) (i32.const 4)))",
    event: `${FOR_EVER} (i32.const 0)`,
    after: data(4096, "evil"),
  }),
  floods: applicationText({
    imports: ["publish", "fuel"],
    loop: `${PUBLISH} ${PUBLISH} ${PUBLISH} ${PUBLISH}`,
    after: data(4096, "evil"),
  }),
  trapsWhenCalled: applicationText({
    imports: ["register_function"],
    setup: "(drop (call $register_function (i32.const 4096) (i32.const 4)))",
    event: "(if (i32.eq (local.get $kind) (i32.const 6)) (then unreachable)) (i32.const 0)",
    after: data(4096, "trap"),
  }),
  recurses: applicationText({
    imports: ["fuel"],
    loop: afterASecond("(call $deeper)"),
    after: `(func $deeper (call $fuel) (call $deeper)) ${LOOPS}`,
  }),
});

type Name = keyof typeof MODULES;

/** A device that is connected and runs the good application as version 1, its probation over. */
async function settled(): Promise<UpdatingWorld> {
  const world = new UpdatingWorld({ minDelay: 40 });
  world.core.exports.set_keepalive(5_000);
  world.startApplication();
  world.connectNow();
  await world.flash(imageOf(MODULES.good, 1));
  world.run(40_000);
  expect(world.version).toBe(1);
  return world;
}

describe("an application that goes wrong on probation", () => {
  test.each<[Name, Status[]]>([
    ["trapsInSetup", [Status.ApplicationTrap]],
    ["trapsLater", [Status.ApplicationTrap]],
    ["loopsInSetup", [Status.ApplicationTime]],
    ["loopsLater", [Status.ApplicationTime]],
    ["floods", [Status.ApplicationFlood]],
    ["recurses", [Status.ApplicationTrap, Status.ApplicationTime]],
  ])("%s: the one before is back", async (name, reasons) => {
    const world = await settled();
    const { sessionId } = world;
    world.lateness = 0;
    await world.flash(imageOf(MODULES[name], 2));
    world.run(5_000);
    const back = world.changes.at(-1)!;
    expect(back.version).toBe(1);
    expect(reasons).toContain(back.status);
    expect(world.stops).toHaveLength(1);
    expect(back.at - world.stops[0].at).toBeLessThanOrEqual(1_000);
    expect(world.version).toBe(1);
    expect(await world.settle(world.cloud.call(DEVICE_ID, "good"))).toBe(1);
    world.run(60_000);
    expect(world.sessionId).toBe(sessionId);
    expect(world.lateness).toBeLessThanOrEqual(50);
    const told = world.received.filter(({ name }) => name === "spark/device/update/rollback");
    expect(told.map(({ data }) => JSON.parse(data.toString()) as object)).toEqual([
      { version: 2, reason: back.status },
    ]);
  });

  test("slowThenLoops: timers that fall due during its calls are late by one call", async () => {
    const world = await settled();
    const { sessionId } = world;
    // No multiple of its 40 ms, or pings would fall between two calls.
    world.core.exports.set_keepalive(1_013);
    await world.flash(imageOf(MODULES.slowThenLoops, 2));
    world.run(10_000);
    expect(world.version).toBe(1);
    expect(world.changes.at(-1)!.status).toBe(Status.ApplicationTime);
    expect(world.changes.at(-1)!.at - world.stops[0].at).toBeLessThanOrEqual(1_000);
    expect(world.sessionId).toBe(sessionId);
    expect(world.lateness).toBeGreaterThan(0);
    expect(world.lateness).toBeLessThanOrEqual(50);
  });

  test("loopsInACall: the call is refused, the one before is back", async () => {
    const world = await settled();
    const { sessionId } = world;
    await world.flash(imageOf(MODULES.loopsInACall, 2));
    world.run(1_000);
    expect(world.version).toBe(2);
    await expect(world.settle(world.cloud.call(DEVICE_ID, "evil"))).rejects.toThrow();
    world.run(1_000);
    expect(world.version).toBe(1);
    expect(world.changes.at(-1)!.status).toBe(Status.ApplicationTime);
    expect(world.sessionId).toBe(sessionId);
    expect(world.lateness).toBeLessThanOrEqual(50);
  });
});

describe("an application that has proved itself, and goes wrong then", () => {
  test("is started again after 1 s, 2 s, 4 s; the session stays", async () => {
    const world = new UpdatingWorld({ minDelay: 40 });
    world.startApplication();
    world.connectNow();
    const { sessionId } = world;
    await world.flash(imageOf(MODULES.trapsWhenCalled, 1));
    world.run(40_000);
    expect(world.updateInfo(UpdateInfo.Probation)).toBe(0);
    for (const pause of [1_000, 2_000, 4_000]) {
      world.changes.length = 0;
      world.stops.length = 0;
      await expect(world.settle(world.cloud.call(DEVICE_ID, "trap"))).rejects.toThrow();
      world.run(pause + 100);
      expect(world.changes).toMatchObject([{ version: 1, status: Status.ApplicationTrap }]);
      const wait = world.changes[0].at - world.stops[0].at;
      expect(wait).toBeGreaterThanOrEqual(pause);
      expect(wait).toBeLessThanOrEqual(pause + 50);
      expect(world.version).toBe(1);
    }
    expect(world.sessionId).toBe(sessionId);
    expect(world.lateness).toBeLessThanOrEqual(50);
  });
});
