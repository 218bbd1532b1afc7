// The life of applications beside a connected core: probation, roll-back, restarts, the gate and the
// kill switch. Whatever becomes of an application, the session stays.

import { ConnectionState, EventKind, Status, VariableType } from "../../bindings/node";
import { CoapCode } from "../../cloud/coap/codec";
import { signApplication, signCommand } from "../../tools/application/sign";
import { ApplicationHost } from "../support/application-host";
import { applicationOf } from "../support/application-module";
import { FaultyStorage } from "../support/faulty-storage";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { UpdateSender, UpdateWorld, updateStorage } from "../support/update-world";
import type { UpdateWorldOptions } from "../support/update-world";
import { DEVICE_ID } from "../support/world";

const PROBATION = 30_000;
const OFFLINE = 300_000;

const image = (version: number): Buffer =>
  signApplication(applicationOf(1000 + version), TEST_UPDATE_KEY, { version });

/** A connected device and its host. */
class Life {
  readonly world: UpdateWorld;
  readonly host: ApplicationHost;
  readonly sender: UpdateSender;

  constructor(options: UpdateWorldOptions = {}, setup?: (version: number, life: Life) => void) {
    this.world = new UpdateWorld(options);
    this.host = new ApplicationHost(this.world, (version) => setup?.(version, this));
    this.sender = new UpdateSender(this.world);
    this.world.connectNow();
    this.world.run(1000);
  }

  /** Send an image or a command over the connection. @returns code of the answer to UpdateFinish */
  send(file: Uint8Array): number {
    const { sender } = this;
    const started = sender.start(file);
    let code = started.code;
    if (code === (CoapCode.Created as number)) {
      sender.sendAll();
      sender.finish();
      code = sender.answer().code;
    }
    this.world.run(100);
    return code;
  }

  update(version: number): void {
    expect(this.send(image(version))).toBe(CoapCode.Changed);
    expect(this.host.running).toBe(version);
  }

  /** Update, and let the probation pass. */
  settle(version: number): void {
    this.update(version);
    this.world.run(PROBATION + 1000);
    expect(this.info(8)).toBe(0);
  }

  info(number: number): number {
    return this.world.core.exports.update_info!(number);
  }

  /** Events of a name at the cloud. */
  said(name: string): string[] {
    return this.world.received
      .filter((event) => event.name === name)
      .map(({ data }) => data.toString());
  }

  /** An event of the server's own. */
  systemEvent(name: string, data: string): void {
    const path = ["E", name].map((segment) => ({ number: 11, value: Buffer.from(segment) }));
    this.sender.message({ options: path, payload: Buffer.from(data) });
  }

  get sessionId(): string {
    return this.world.session!.connectionId.toString("hex");
  }

  /** Power fails, and comes back; the connection is made again. */
  reboot(): void {
    this.world.startDevice();
    this.host.run();
    this.world.connectNow();
  }
}

describe("probation", () => {
  test("ends well after 30 s with a connection", () => {
    const life = new Life();
    life.update(1);
    expect(life.info(0)).toBe(3);
    life.world.run(PROBATION - 1000);
    expect(life.info(8)).toBeGreaterThan(0);
    life.world.run(2000);
    expect(life.info(0)).toBe(0);
    life.host.fault(Status.ApplicationTrap);
    life.world.run(2000);
    expect(life.host.versions).toEqual([1, 1]);
  });

  test.each([Status.ApplicationTrap, Status.ApplicationTime, Status.ApplicationFlood])(
    "ends at a fault, %i: the former is back at once, and the session is the same",
    (status) => {
      const life = new Life();
      life.settle(1);
      const { sessionId } = life;
      life.update(2);
      life.world.run(5000);
      const before = life.world.now;
      life.host.fault(status);
      expect(life.host.history.at(-1)).toEqual({ at: before, version: 1, status });
      life.world.run(5000);
      expect(life.said("spark/device/update/rollback")).toEqual([
        JSON.stringify({ version: 2, reason: status }),
      ]);
      expect(life.sessionId).toBe(sessionId);
      expect(life.world.state).toBe(ConnectionState.Connected);
      expect(life.world.eventsOf(EventKind.CloseLink)).toEqual([]);
      // It is no version to go back to.
      expect(life.info(2)).toBe(0);
    },
  );

  test("ends badly with the fault of the first application: none runs", () => {
    const life = new Life();
    life.update(1);
    life.host.fault(Status.ApplicationInvalid);
    expect(life.host.versions).toEqual([1, undefined]);
    expect(life.world.eventsOf(EventKind.ApplicationChange).at(-1)).toMatchObject({
      area: -1,
      status: Status.ApplicationInvalid,
    });
    life.update(2);
  });

  test("ends badly at the fourth start", () => {
    const life = new Life();
    life.settle(1);
    life.update(2);
    for (let cut = 0; cut < 2; cut++) {
      life.reboot();
      expect(life.host.running).toBe(2);
      life.world.run(10_000);
    }
    life.reboot();
    expect(life.host.running).toBe(1);
    life.world.run(5000);
    expect(life.said("spark/device/update/rollback")).toEqual([
      JSON.stringify({ version: 2, reason: Status.ApplicationUnhealthy }),
    ]);
  });

  test("ends badly after 5 minutes without connection", () => {
    const life = new Life();
    life.settle(1);
    life.update(2);
    life.world.startDevice();
    life.world.opensLinks = false;
    life.host.run();
    life.world.connect();
    life.world.run(OFFLINE - 1000);
    expect(life.host.running).toBe(2);
    life.world.run(2000);
    expect(life.host.running).toBe(1);
    expect(life.host.history.at(-1)).toMatchObject({ status: Status.ApplicationUnhealthy });
  });

  test("waits for the connection", () => {
    const life = new Life();
    life.settle(1);
    life.update(2);
    life.world.startDevice();
    life.host.run();
    life.world.run(2 * PROBATION);
    expect(life.info(0)).toBe(3);
    life.world.connectNow();
    life.world.run(1000);
    expect(life.info(0)).toBe(0);
  });

  test("ends when the application says that it is well, or the device goes to sleep", () => {
    const life = new Life();
    life.update(1);
    expect(life.world.core.exports.application_healthy!(life.world.deviceNow)).toBe(Status.Ok);
    expect(life.info(0)).toBe(0);
    life.update(2);
    life.world.run(5000);
    life.world.core.exports.sleep!(600, 1, 10_000, life.world.deviceNow);
    life.world.run(20_000);
    expect(life.info(0)).toBe(0);
  });

  test("refuses other updates", () => {
    const life = new Life();
    life.update(1);
    expect(life.send(image(2))).toBe(CoapCode.ServiceUnavailable);
    expect(life.host.running).toBe(1);
    expect(life.send(signCommand("disable", TEST_UPDATE_KEY, { sequence: 1 }))).toBe(
      CoapCode.Changed,
    );
    expect(life.host.running).toBeUndefined();
  });

  test("is survived by storage that fails when the application must go", () => {
    const storage = new FaultyStorage();
    for (const [slot, bytes] of updateStorage().slots) storage.slots.set(slot, bytes);
    const life = new Life({ storage });
    life.settle(1);
    life.update(2);
    storage.onWrite = (slot) => (slot >= 27 ? "refuse" : undefined);
    life.host.fault(Status.ApplicationTrap);
    expect(life.host.running).toBe(1);
  });
});

test("faults outside of the probation: again after 1 s, 2 s, 4 s ... 64 s", () => {
  const life = new Life();
  life.settle(1);
  const { sessionId } = life;
  const pauses: number[] = [];
  for (let i = 0; i < 9; i++) {
    const from = life.world.now;
    const { length } = life.host.history;
    life.host.fault(Status.ApplicationTime);
    life.world.runUntil(() => life.host.history.length > length, 200_000);
    pauses.push(life.world.now - from);
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000, 64_000]);
  expect(life.sessionId).toBe(sessionId);
  expect(life.said("spark/device/update/rollback")).toEqual([]);
  life.world.run(200_000);
  const from = life.world.now;
  life.host.fault(Status.ApplicationTrap);
  life.world.runUntil(() => life.host.running !== undefined, 200_000);
  expect(life.world.now - from).toBe(1000);
});

test("functions, variables and subscriptions are those of the application that runs", async () => {
  const life = new Life(
    { onBoot: (core, now) => void core.registerFunction("host", now) },
    (version, { world }) => {
      world.core.registerFunction(`f${version}`, world.deviceNow);
      world.core.registerVariable(`v${version}`, VariableType.Int, world.deviceNow);
      world.core.subscribe(`s${version}`, 0, world.deviceNow);
    },
  );
  const { world } = life;
  const described = async (): Promise<unknown> => {
    world.run(5000);
    return await world.settle(world.cloud.describe(DEVICE_ID, 2));
  };
  life.settle(1);
  expect(await described()).toMatchObject({ functions: ["host", "f1"] });
  life.settle(2);
  expect(await described()).toEqual({
    functions: ["host", "f2"],
    variables: { v2: 2 },
  });
  world.events.length = 0;
  world.cloud.publish("s1", "old");
  world.cloud.publish("s2", "new");
  world.run(5000);
  expect(world.eventsOf(EventKind.EventReceived).map(({ name }) => name)).toEqual(["s2"]);
});

test("calls that wait for an application that dies are refused; those for the host are not", async () => {
  const life = new Life(
    { onBoot: (core, now) => void core.registerFunction("host", now) },
    (_, { world }) => void world.core.registerFunction("mine", world.deviceNow),
  );
  const { world } = life;
  life.settle(1);
  world.run(5000);
  const calls = ["host", "mine"].map((name) => world.cloud.call(DEVICE_ID, name));
  for (const call of calls) call.catch(() => {});
  world.run(1000);
  const asked = world.eventsOf(EventKind.FunctionCall);
  expect(asked).toHaveLength(2);
  life.host.fault(Status.ApplicationTrap);
  await expect(world.settle(calls[1])).rejects.toThrow("5.00");
  expect(world.core.exports.function_result(asked[0].call, 42)).toBe(Status.Ok);
  expect(await world.settle(calls[0])).toBe(42);
  expect(world.core.exports.function_result(asked[1].call, 43)).toBe(Status.NotFound);
});

describe("what the cloud is told", () => {
  test("of an update that is taken, and of one that is not", () => {
    const life = new Life();
    life.settle(1);
    life.send(image(1));
    life.world.run(5000);
    expect(life.said("spark/flash/status")).toEqual([
      "started",
      "success",
      "started",
      `failed ${Status.UpdateNotNewer}`,
    ]);
  });

  test("of what the application allows, when that lasts", () => {
    const life = new Life();
    const { exports } = life.world.core;
    life.world.run(5000);
    expect(life.said("particle/device/updates/enabled")).toEqual([]);
    exports.update_enable!(0, life.world.deviceNow);
    life.world.drain();
    life.world.run(5000);
    expect(life.said("particle/device/updates/enabled")).toEqual(["false"]);
    exports.update_enable!(1, life.world.deviceNow);
    exports.update_enable!(0, life.world.deviceNow);
    life.world.drain();
    life.world.run(5000);
    expect(life.said("particle/device/updates/enabled")).toEqual(["false"]);
    exports.update_enable!(1, life.world.deviceNow);
    life.world.drain();
    life.world.run(5000);
    expect(life.said("particle/device/updates/enabled")).toEqual(["false", "true"]);
  });

  test("of updates that the server forces", () => {
    const life = new Life();
    const { world } = life;
    world.core.exports.update_enable!(0, world.deviceNow);
    expect(life.send(image(1))).toBe(CoapCode.ServiceUnavailable);
    life.systemEvent("particle/device/updates/forced", "true");
    world.run(5000);
    expect(life.said("particle/device/updates/forced")).toEqual(["true"]);
    life.update(1);
    life.systemEvent("particle/device/updates/forced", "false");
    world.run(5000);
    expect(life.said("particle/device/updates/forced")).toEqual(["true", "false"]);
  });

  test("of an update that waits", () => {
    const life = new Life();
    life.settle(1);
    life.world.core.exports.update_gate!(0);
    expect(life.send(image(2))).toBe(CoapCode.Changed);
    life.world.run(5000);
    expect(life.host.running).toBe(1);
    expect(life.world.eventsOf(EventKind.UpdatePending)).toMatchObject([{ version: 2 }]);
    expect(life.said("particle/device/updates/pending")).toEqual(["true"]);
    expect(life.world.core.exports.update_apply!(life.world.deviceNow)).toBe(Status.Ok);
    life.world.drain();
    expect(life.host.running).toBe(2);
    life.world.run(5000);
    expect(life.said("particle/device/updates/pending")).toEqual(["true", "false"]);
  });
});

test("a power cut under way: the server begins again, and what is durable is not sent again", () => {
  const life = new Life();
  life.settle(1);
  const file = signApplication(applicationOf(20_000), TEST_UPDATE_KEY, { version: 2 });
  expect(life.sender.start(file).code).toBe(CoapCode.Created);
  for (let number = 1; number <= 12; number++) {
    life.sender.sendChunk(number);
    life.world.run(1);
  }
  life.reboot();
  expect(life.host.running).toBe(1);
  expect(life.sender.start(file).code).toBe(CoapCode.Created);
  expect(life.sender.held).toBe(12_288);
  life.sender.sendAll();
  life.sender.finish();
  expect(life.sender.answer().code).toBe(CoapCode.Changed);
  life.world.run(100);
  expect(life.host.running).toBe(2);
});

test("a host without image areas takes no updates", () => {
  const world = new UpdateWorld({ device: { images: undefined } });
  expect(world.core.exports.update_open!(0)).toBe(Status.NotSupported);
  expect(world.core.exports.application_image!()).toBe(Status.NotFound);
  world.connectNow();
});
