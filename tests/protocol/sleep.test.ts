// The planned way to sleep: what waits goes out first, then the goodbye, then the socket closes, and
// the session takes the device up again.

import { readFileSync } from "node:fs";

import {
  Cause,
  ConnectionState,
  EventKind,
  LedgerField,
  Reason,
  Status,
} from "../../bindings/node";
import { AppWorld, buildApplication } from "../support/app-world";
import { history } from "../support/history";
import { QueueWorld } from "../support/queue-world";

type Sleep = { status: number; pending: number; seconds: number };

const sleeps = (world: QueueWorld): Sleep[] =>
  world.events.flatMap((event) => (event.kind === EventKind.Sleep ? [event] : []));

function sleep(world: QueueWorld, seconds: number, goodbye = true, timeout = 30_000): number {
  const status = world.core.exports.sleep!(seconds, goodbye ? 1 : 0, timeout, world.deviceNow);
  world.drain();
  return status;
}

describe("sleep", () => {
  test("R34: every queued event is acknowledged before the socket closes", () => {
    const world = new QueueWorld();
    world.connectNow();
    const handles = ["a", "b", "c", "d", "e", "f"].map((name) => world.publish(name));
    const goodbyes: unknown[] = [];
    world.cloud.on("goodbye", (goodbye) => goodbyes.push(goodbye));
    expect(sleep(world, 3600)).toBe(Status.Ok);
    expect(sleep(world, 3600)).toBe(Status.InvalidState);
    expect(sleeps(world)).toEqual([]);
    world.run(30_000);
    expect(handles.map((handle) => world.stateOf(handle))).toEqual(Array(6).fill(3));
    const kinds = world.events.map(({ kind }) => kind);
    expect(kinds.lastIndexOf(EventKind.PublishDone)).toBeLessThan(
      kinds.lastIndexOf(EventKind.CloseLink),
    );
    expect(sleeps(world)).toMatchObject([{ status: Status.Ok, pending: 0, seconds: 3600 }]);
    expect(goodbyes).toMatchObject([{ cloudReason: 6, sleepSeconds: 3600 }]);
    expect(world.state).toBe(ConnectionState.Disconnected);
  });

  test("the next connection resumes; nothing is described again", () => {
    const world = new QueueWorld({ onBoot: (core, now) => void core.registerFunction("f", now) });
    world.connect();
    expect(sleep(world, 60, false)).toBe(Status.Ok);
    world.run(10_000);
    // Nothing waited, so nothing was waited for.
    expect(sleeps(world)).toHaveLength(1);
    world.startDevice();
    world.publish("n");
    world.connect();
    sleep(world, 60, false);
    world.run(10_000);
    expect(sleeps(world)).toHaveLength(2);
    const from = world.sent.length;
    world.startDevice();
    world.publish("n");
    world.connect();
    sleep(world, 60, false);
    world.run(10_000);
    expect(world.count(from).datagrams).toBe(2);
    expect(history(world).at(-1)).toContain(Reason[Reason.Requested]);
    expect(world.received).toHaveLength(2);
  });

  test("R51: a wake from another address goes on with the session: no handshake", () => {
    const world = new QueueWorld();
    world.connectNow();
    world.run(5000);
    const addresses = new Set<string>();
    for (let wake = 0; wake < 10; wake++) {
      sleep(world, 60, false);
      world.run(60_000);
      world.startDevice();
      world.publish("n", `${wake}`);
      world.connectNow();
      world.run(2000);
      addresses.add(world.address);
      expect(world.core.exports.ledger!(Cause.Handshake, LedgerField.UpBytes)).toBe(0);
    }
    expect(addresses.size).toBe(10);
    expect(world.received).toHaveLength(10);
    expect(world.sessions.size).toBe(1);
  });

  test("is not put off for ever by a cloud that is away, and says what waits", () => {
    const world = new QueueWorld();
    world.connectNow();
    world.tamper = () => undefined;
    world.publish("n");
    sleep(world, 60, true, 20_000);
    world.run(19_000);
    expect(sleeps(world)).toEqual([]);
    world.run(12_000);
    expect(sleeps(world)).toMatchObject([{ status: Status.MessageTimeout, pending: 1 }]);
    expect(sleep(world, 60, true, -1)).toBe(Status.InvalidArgument);
  });

  test("of a device that is not connected is told at once", () => {
    const world = new QueueWorld();
    sleep(world, 0);
    expect(sleeps(world)).toMatchObject([{ status: Status.Ok, pending: 0, seconds: 0 }]);
  });
});

describe("examples/tracker", () => {
  const file = buildApplication("examples/tracker/main.ts");

  test("a wake costs 159 bytes of IPv4 at most: one datagram each way", () => {
    const world = new AppWorld(file);
    world.boot();
    world.live(600_000);
    const from = world.sent.length;
    world.live(10 * 600_000);
    const { up, down, datagrams } = world.count(from);
    expect(datagrams).toBe(20);
    expect(up + down + 28 * datagrams).toBeLessThanOrEqual(10 * 159);
    expect(world.received).toHaveLength(11);
    expect(world.sleeps).toEqual(Array(11).fill(600));
  });

  test("has no managed objects, so no runtime: no allocation, no start section", () => {
    const module = new WebAssembly.Module(readFileSync(file));
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith("__"))).toEqual([]);
    const text = readFileSync(file.replace(/wasm$/, "wat"), "utf8");
    expect(text).toContain("$examples/tracker/main/setup");
    expect(text).not.toMatch(/~lib\/rt|memory\.grow|\(start/);
  });
});
