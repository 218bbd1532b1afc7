// The publish queue: handles and their states, pacing, priority, time to live, coalescing, what a
// full queue does, flush. The device against the local cloud, in virtual time.

import { ConnectionState, FullPolicy, Status, VariableType } from "../../bindings/node";
import { CoapCode } from "../../cloud/coap/codec";
import { Application } from "../support/application";
import { ACKNOWLEDGED, QUEUED, QueueWorld, SENT } from "../support/queue-world";
import { path } from "../support/connected";
import { messageLayer, messages } from "../support/wire";

/** A connected device with a full bucket. */
function connected(): QueueWorld {
  const world = new QueueWorld();
  world.connectNow();
  world.run(10_000);
  return world;
}

/** Let nothing through, in either direction. */
const cut = (world: QueueWorld): void => void (world.tamper = () => undefined);
const mend = (world: QueueWorld): void => void (world.tamper = (_direction, bytes) => bytes);
const letters = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

describe("handles", () => {
  test("queued, sent, acknowledged", () => {
    const world = new QueueWorld();
    const handle = world.publish("n", "data");
    expect(world.stateOf(handle)).toBe(QUEUED);
    expect(world.pending).toBe(1);
    world.connect();
    expect(world.runUntil(() => world.stateOf(handle) !== QUEUED, 60_000)).toBe(true);
    expect(world.stateOf(handle)).toBe(SENT);
    expect(world.pending).toBe(1);
    expect(world.runUntil(() => world.stateOf(handle) !== SENT, 60_000)).toBe(true);
    expect(world.stateOf(handle)).toBe(ACKNOWLEDGED);
    expect(world.pending).toBe(0);
    expect(world.outcomes.get(handle)).toEqual([Status.Ok]);
    expect(world.received).toMatchObject([{ name: "n", data: Buffer.from("data") }]);
  });

  test("without acknowledgement a publish ends as sent, and carries no id", () => {
    const world = connected();
    const handle = world.publish("n", "", { confirmable: false });
    expect(world.stateOf(handle)).toBe(SENT);
    expect(world.outcomes.get(handle)).toEqual([Status.Ok]);
    world.run(1000);
    expect(world.received).toMatchObject([{ confirmable: false, token: "" }]);
  });

  test("an id of its own goes with each confirmable publish, and is its handle", () => {
    const world = connected();
    const handles = letters(20).map((name) => world.publish(name));
    world.run(60_000);
    expect(world.received.map(({ token }) => parseInt(token, 16))).toEqual(handles);
    expect(new Set(handles).size).toBe(20);
  });

  test("are remembered for 64 publishes, others are NotFound", () => {
    const world = connected();
    world.core.exports.queue_pacing!(1, 0);
    const handles = letters(80).map((name) => {
      const handle = world.publish(name);
      world.run(100);
      return handle;
    });
    expect(handles.slice(0, 16).map((handle) => world.stateOf(handle))).toEqual(
      Array(16).fill(Status.NotFound),
    );
    expect(handles.slice(16).map((handle) => world.stateOf(handle))).toEqual(
      Array(64).fill(ACKNOWLEDGED),
    );
    for (const unknown of [0, -1, 2 ** 31 - 1]) {
      expect(world.stateOf(unknown)).toBe(Status.NotFound);
    }
  });

  test("a publish that waits can be taken back, one on its way cannot", () => {
    const world = new QueueWorld();
    const handle = world.publish("n");
    expect(world.core.exports.queue_cancel!(handle)).toBe(Status.Ok);
    world.drain();
    expect(world.stateOf(handle)).toBe(Status.Aborted);
    expect(world.outcomes.get(handle)).toEqual([Status.Aborted]);
    world.connectNow();
    const sent = world.publish("m");
    expect(world.core.exports.queue_cancel!(sent)).toBe(Status.InvalidState);
    expect(world.core.exports.queue_cancel!(12345)).toBe(Status.NotFound);
    world.run(1000);
    expect(world.names).toEqual(["m"]);
  });
});

describe("limits", () => {
  test("R57: bytes of UTF-8 count: what fits passes, one more is TooLong and nothing is sent", () => {
    for (const limit of [622, 782, 864, 1024]) {
      const world = connected();
      expect(world.core.exports.set_max_event_data!(limit)).toBe(Status.Ok);
      expect(world.core.exports.max_event_data!()).toBe(limit);
      const from = world.sent.length;
      expect(world.refusal("n", "d".repeat(limit + 1))).toBe(Status.TooLong);
      expect(world.refusal("n", "ü".repeat(limit / 2) + "x")).toBe(Status.TooLong);
      expect(world.refusal("n", "€".repeat(Math.floor(limit / 3) + 1))).toBe(Status.TooLong);
      expect(world.refusal("é".repeat(33))).toBe(Status.TooLong);
      expect(world.sent.length).toBe(from);
      expect(world.refusal("é".repeat(32), "ü".repeat(limit / 2))).toBe(Status.Ok);
      world.run(1000);
      expect(world.received.pop()?.data.toString()).toBe("ü".repeat(limit / 2));
    }
    const world = connected();
    for (const limit of [0, -1, 1025]) {
      expect(world.core.exports.set_max_event_data!(limit)).toBe(Status.InvalidArgument);
    }
  });

  test("R55: names of the system are refused in any case", () => {
    const world = connected();
    for (const name of ["spark", "Spark/x", "particle", "PARTICLE/device", "pArTiClEs"]) {
      expect(world.refusal(name)).toBe(Status.ReservedName);
    }
    expect(world.refusal("")).toBe(Status.InvalidArgument);
    expect(world.refusal("n", "", { ttl: 16_777_216 })).toBe(Status.InvalidArgument);
    expect(world.refusal("n", "", { contentFormat: 65_536 })).toBe(Status.InvalidArgument);
    expect(world.core.exports.publish(1, 0, 0, -1, 64)).toBe(Status.InvalidArgument);
  });
});

describe("pacing", () => {
  test("four at once, then one a second; nothing is refused", () => {
    const world = connected();
    const startedAt = world.now;
    for (const name of letters(12)) world.publish(name);
    world.run(30_000);
    expect(world.names).toEqual(letters(12));
    const times = world.received.map(({ at }) => Math.round((at - startedAt) / 100) / 10);
    expect(times).toEqual([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("is what it is set to, or off", () => {
    const world = connected();
    expect(world.core.exports.queue_pacing!(2, 10_000)).toBe(Status.Ok);
    for (const name of letters(4)) world.publish(name);
    world.run(9_000);
    expect(world.received).toHaveLength(2);
    world.run(20_000);
    expect(world.received).toHaveLength(4);
    expect(world.core.exports.queue_pacing!(1, 0)).toBe(Status.Ok);
    for (const name of letters(20)) world.publish(name);
    world.run(1000);
    expect(world.received).toHaveLength(24);
    for (const [burst, interval] of [
      [0, 1],
      [256, 1],
      [1, -1],
      [1, 3_600_001],
    ]) {
      expect(world.core.exports.queue_pacing!(burst, interval)).toBe(Status.InvalidArgument);
    }
  });

  test("a publish that may not wait fails at once: RateLimited, Offline", () => {
    const world = connected();
    const options = { unqueued: true };
    const handles = letters(6).map((name) => world.publish(name, "", options));
    world.run(1000);
    expect(handles.map((handle) => world.stateOf(handle))).toEqual([
      ...Array(4).fill(ACKNOWLEDGED),
      Status.RateLimited,
      Status.RateLimited,
    ]);
    world.core.exports.link_down(world.deviceNow);
    world.drain();
    expect(world.refusal("n", "", options)).toBe(Status.Offline);
    expect(world.names).toEqual(letters(4));
  });
});

describe("offline", () => {
  test("publishes wait in the queue, and the first goes out as the first packet", () => {
    const world = connected();
    world.startDevice();
    const handle = world.publish("first");
    const from = world.sent.length;
    world.connect();
    world.run(5000);
    expect(world.stateOf(handle)).toBe(ACKNOWLEDGED);
    const [first] = messages(world, "up", from);
    expect(first.message.options.map(({ value }) => value.toString())).toEqual(["E", "first"]);
    expect(world.count(from).datagrams).toBe(2);
  });

  test("high priority goes first, low last; the same in the order of publishing", () => {
    const world = new QueueWorld();
    world.publish("l1", "", { priority: "low" });
    world.publish("n1");
    world.publish("h1", "", { priority: "high" });
    world.publish("l2", "", { priority: "low" });
    world.publish("n2", "", { priority: "normal" });
    world.publish("h2", "", { priority: "high" });
    world.connectNow();
    world.run(10_000);
    expect(world.names).toEqual(["h1", "h2", "n1", "n2", "l1", "l2"]);
  });

  test("time to live counts from the publish; what is left goes with it", () => {
    const world = connected();
    world.core.exports.disconnect(0, 0, world.deviceNow);
    world.drain();
    world.run(3_600_000);
    const short = world.publish("short", "", { ttl: 100 });
    const long = world.publish("long", "", { ttl: 1000 });
    const patient = world.publish("patient");
    world.run(99_500);
    expect(world.stateOf(short)).toBe(QUEUED);
    world.run(2_000);
    expect(world.stateOf(short)).toBe(Status.Expired);
    expect(world.outcomes.get(short)).toEqual([Status.Expired]);
    world.run(298_500);
    world.connectNow();
    world.run(5000);
    expect(world.received.map(({ name }) => name)).toEqual(["long", "patient"]);
    expect(world.received[0].ttl).toBeGreaterThanOrEqual(599);
    expect(world.received[0].ttl).toBeLessThanOrEqual(601);
    expect(world.received[1].ttl).toBe(60);
    expect([long, patient].map((handle) => world.stateOf(handle))).toEqual([3, 3]);
  });

  test("time to live holds over the wrap of the clock, and over a silence of weeks", () => {
    const world = new QueueWorld({ deviceStart: 2 ** 32 - 50_000 });
    const soon = world.publish("soon", "", { ttl: 60 });
    const late = world.publish("late", "", { ttl: 60 * 86_400 });
    world.run(61_500);
    expect(world.stateOf(soon)).toBe(Status.Expired);
    world.run(59 * 86_400_000);
    expect(world.stateOf(late)).toBe(QUEUED);
    world.run(86_400_000);
    expect(world.stateOf(late)).toBe(Status.Expired);
  });

  test("the newest of a name replaces the one that waits, in its place", () => {
    const world = new QueueWorld();
    const first = world.publish("a", "1", { coalesce: true });
    world.publish("b", "1");
    const second = world.publish("a", "2 is longer", { coalesce: true });
    world.publish("ab", "1", { coalesce: true });
    expect(world.stateOf(first)).toBe(Status.Replaced);
    expect(world.outcomes.get(first)).toEqual([Status.Replaced]);
    expect(world.pending).toBe(3);
    world.connectNow();
    world.run(5000);
    expect(world.received.map(({ name, data }) => `${name} ${data.toString()}`)).toEqual([
      "a 2 is longer",
      "b 1",
      "ab 1",
    ]);
    expect(world.stateOf(second)).toBe(ACKNOWLEDGED);
  });

  test("what is on its way is not replaced", () => {
    const world = connected();
    cut(world);
    world.publish("a", "1", { coalesce: true });
    world.publish("a", "2", { coalesce: true });
    mend(world);
    world.run(30_000);
    expect(world.received.map(({ data }) => data.toString()).sort()).toEqual(["1", "2"]);
  });
});

describe("a full queue", () => {
  const KB = "x".repeat(1000);

  /** Publish until the room is used: four of 1002 bytes. */
  function filled(policy: FullPolicy): { world: QueueWorld; handles: number[] } {
    const world = new QueueWorld();
    expect(world.core.exports.queue_policy!(policy)).toBe(Status.Ok);
    return { world, handles: letters(4).map((name) => world.publish(name, KB)) };
  }

  function delivered(world: QueueWorld): string[] {
    world.connectNow();
    world.run(60_000);
    expect(world.pending).toBe(0);
    return world.names;
  }

  test("refuses with NoSpace, and keeps what it has", () => {
    const { world } = filled(FullPolicy.Refuse);
    expect(world.refusal("more", KB)).toBe(Status.NoSpace);
    expect(world.refusal("m", "small")).toBe(Status.Ok);
    expect(delivered(world)).toEqual([...letters(4), "m"]);
  });

  test("drops the oldest, and says which", () => {
    const { world, handles } = filled(FullPolicy.DropOldest);
    world.publish("more", KB);
    expect(handles.map((handle) => world.stateOf(handle))).toEqual([Status.Dropped, 1, 1, 1]);
    expect(world.outcomes.get(handles[0])).toEqual([Status.Dropped]);
    expect(delivered(world)).toEqual(["n1", "n2", "n3", "more"]);
  });

  test("drops the newest", () => {
    const { world, handles } = filled(FullPolicy.DropNewest);
    world.publish("more", KB);
    expect(handles.map((handle) => world.stateOf(handle))).toEqual([1, 1, 1, Status.Dropped]);
    expect(delivered(world)).toEqual(["n0", "n1", "n2", "more"]);
  });

  test("never drops what is more important; drops nothing in vain", () => {
    for (const policy of [FullPolicy.DropOldest, FullPolicy.DropNewest]) {
      const world = new QueueWorld();
      world.core.exports.queue_policy!(policy);
      world.publish("high1", KB, { priority: "high" });
      world.publish("low", KB, { priority: "low" });
      world.publish("high2", KB, { priority: "high" });
      world.publish("high3", KB, { priority: "high" });
      world.publish("normal", KB);
      expect(world.refusal("more", "x".repeat(1024), { priority: "low" })).toBe(Status.NoSpace);
      expect(world.refusal("small", "", { priority: "low" })).toBe(Status.Ok);
      expect(delivered(world)).toEqual(["high1", "high2", "high3", "normal", "small"]);
    }
  });

  test("several small ones give way to a long one", () => {
    const world = new QueueWorld();
    world.core.exports.queue_policy!(FullPolicy.DropOldest);
    const handles = letters(60).map((name) => world.publish(name, "x".repeat(60)));
    world.publish("long", KB);
    const dropped = handles.filter((handle) => world.stateOf(handle) === Status.Dropped);
    expect(dropped.length).toBeGreaterThan(5);
    expect(dropped).toEqual(handles.slice(0, dropped.length));
    expect(delivered(world)).toEqual([...letters(60).slice(dropped.length), "long"]);
  });

  test("64 are known at most: what ended gives its place, once it was told", () => {
    const world = new QueueWorld();
    expect(letters(65).map((name) => world.refusal(name))).toEqual([
      ...Array(64).fill(Status.Ok),
      Status.NoSpace,
    ]);
    expect(world.core.exports.queue_policy!(FullPolicy.DropOldest)).toBe(Status.Ok);
    // The first drop frees no place before the host has heard of it.
    expect(world.refusal("more")).toBe(Status.NoSpace);
    world.drain();
    expect(world.refusal("more")).toBe(Status.Ok);
    expect(world.core.exports.queue_policy!(3)).toBe(Status.InvalidArgument);
  });

  test("its arena closes its gaps whatever ends in between", () => {
    const world = new QueueWorld({ seed: 7 });
    world.core.exports.queue_policy!(FullPolicy.DropOldest);
    const live = new Map<number, string>();
    for (let i = 0; i < 2000; i++) {
      const data = `${i} `.padEnd(world.random.below(900), "y");
      const handle = world.publish(`n${i % 7}`, data, { coalesce: world.random.chance(0.3) });
      live.set(handle, data);
      if (world.random.chance(0.3)) {
        const waiting = [...live.keys()].filter((h) => world.stateOf(h) === QUEUED);
        world.core.exports.queue_cancel!(waiting[world.random.below(waiting.length)]);
        world.drain();
      }
    }
    const waiting = [...live].filter(([handle]) => world.stateOf(handle) === QUEUED);
    world.connectNow();
    world.run(100_000);
    const arrived = world.received.map(({ token, data }) => [parseInt(token, 16), data.toString()]);
    expect(arrived.sort()).toEqual(waiting.sort());
    expect([...world.outcomes.values()].every((statuses) => statuses.length === 1)).toBe(true);
  });
});

describe("delivery", () => {
  test("a publish that the cloud leaves unanswered goes again, under the same id", () => {
    const world = connected();
    const handle = world.publish("n", "1");
    const { messageId } = messages(world, "up").slice(-1)[0].message;
    world.tamper = (direction, bytes) => {
      const [record] = messages(world, direction, world.sent.length - 1);
      const isAnswer = direction === "down" && record?.message.messageId === messageId;
      return isAnswer ? undefined : bytes;
    };
    expect(world.runUntil(() => world.stateOf(handle) === ACKNOWLEDGED, 3_600_000)).toBe(true);
    expect(world.received.length).toBeGreaterThan(1);
    expect(new Set(world.received.map(({ token }) => token)).size).toBe(1);
    expect(new Set(world.received.map(({ messageId: id }) => id)).size).toBeGreaterThan(1);
    expect(world.outcomes.get(handle)).toEqual([Status.Ok]);
  });

  test("an outbox full of other messages holds a publish back only while it is full", () => {
    const world = connected();
    const note = world.onEvent;
    const application = new Application(world);
    const answer = world.onEvent;
    world.onEvent = (event) => {
      note(event);
      answer(event);
    };
    application.variable("v", VariableType.String, () => "x".repeat(1024));
    world.run(5000);
    // Two answers of a KB each stay in the outbox: the cloud hears nothing.
    for (let i = 0; i < 2; i++) {
      const read = { code: CoapCode.Get, options: path("v", "v") };
      messageLayer(world).sendNonConfirmable(read);
    }
    world.drain();
    world.tamper = (direction, bytes) => (direction === "up" ? undefined : bytes);
    world.run(500);
    const handle = world.publish("n", "y".repeat(1024));
    expect(world.stateOf(handle)).toBe(QUEUED);
    world.tamper = (_direction, bytes) => bytes;
    expect(world.runUntil(() => world.stateOf(handle) === ACKNOWLEDGED, 120_000)).toBe(true);
  });

  test("an event waits out hours without a cloud", () => {
    const world = connected();
    cut(world);
    const handle = world.publish("patient");
    world.run(7_200_000);
    expect(world.pending).toBe(1);
    mend(world);
    expect(world.runUntil(() => world.stateOf(handle) === ACKNOWLEDGED, 600_000)).toBe(true);
  });

  test("100 publishes over 30 % loss, in any order of ends: each arrives, each ends once", () => {
    const world = new QueueWorld({ seed: 3, loss: 0.3, duplication: 0.2, maxDelay: 300 });
    world.connectNow(600_000);
    for (const name of letters(100)) {
      while (world.refusal(name) === Status.NoSpace) world.run(10_000);
      world.run(world.random.below(3000));
    }
    expect(world.runUntil(() => world.pending === 0, 3_600_000)).toBe(true);
    expect(new Set(world.names)).toEqual(new Set(letters(100)));
    expect([...world.outcomes.values()]).toEqual(Array(100).fill([Status.Ok]));
  });
});

describe("flush", () => {
  test("tells when nothing waits any more", () => {
    const world = connected();
    for (const name of letters(6)) world.publish(name);
    world.flush(60_000);
    expect(world.flushes).toEqual([]);
    expect(world.runUntil(() => world.flushes.length > 0, 60_000)).toBe(true);
    expect(world.flushes).toMatchObject([{ status: Status.Ok, pending: 0 }]);
    expect(world.received).toHaveLength(6);
    world.run(100_000);
    expect(world.flushes).toHaveLength(1);
  });

  test("of an empty queue is done at once", () => {
    const world = new QueueWorld();
    world.flush(0);
    expect(world.flushes).toMatchObject([{ status: Status.Ok, pending: 0 }]);
  });

  test("is over after its time, and says how many wait", () => {
    const world = new QueueWorld();
    for (const name of letters(3)) world.publish(name);
    world.flush(5000);
    world.run(4999);
    expect(world.flushes).toEqual([]);
    world.run(2);
    expect(world.flushes).toMatchObject([{ status: Status.MessageTimeout, pending: 3 }]);
    expect(world.core.exports.queue_flush!(-1, 0)).toBe(Status.InvalidArgument);
    expect(world.state).toBe(ConnectionState.Disconnected);
  });
});
