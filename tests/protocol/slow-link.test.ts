// A link of 12 s a round trip: everyone connects, few datagrams are wasted, what was learnt of the
// link is kept over a reboot and forgotten when the link gets better.

import { ConnectionState, Reason, Statistic, Status } from "../../bindings/node";
import { CLEAN, compareSlow, runSlow, slowProblems, NB_IOT } from "../soak/slow-link";
import { Application } from "../support/application";
import { history } from "../support/history";
import { messages } from "../support/wire";
import { World } from "../support/world";

const SEEDS = Array.from({ length: 150 }, (_, i) => i + 1);
const FAST = { minDelay: 20 };

/** What the device sent again. */
const repeated = ({ core }: World): number =>
  core.statistic(Statistic.FlightsRetransmitted) + core.statistic(Statistic.MessagesRetransmitted);

/** A device that connected over the slow link and has measured it. */
function slow(cloud = {}): { world: World; application: Application } {
  const world = new World({ ...CLEAN, cloud });
  const application = new Application(world).function("f", () => 1);
  world.connectNow(600_000);
  world.run(120_000);
  for (let i = 0; i < 4; i++) {
    application.publish("n");
    world.run(60_000);
  }
  expect(world.core.statistic(Statistic.RoundTripMs)).toBeGreaterThan(10_000);
  return { world, application };
}

function reboot({ world, application }: ReturnType<typeof slow>): number {
  world.startDevice();
  application.install();
  application.outcomes.clear();
  world.events.length = 0;
  return world.sent.length;
}

test("10 % loss: all connect, all publishes arrive, and datagrams are not wasted", () => {
  const comparison = compareSlow(SEEDS);
  expect(slowProblems(comparison)).toEqual([]);
  expect(comparison.ratio.datagrams[0]).toBeLessThan(1.1);
  expect(comparison.lossy.connectedAtOnce).toBeGreaterThanOrEqual(0.99 * SEEDS.length);
});

test("a quarter lost: all connect all the same", () => {
  const reports = SEEDS.slice(0, 40).map((seed) => runSlow(seed, { ...NB_IOT, loss: 0.25 }));
  expect(
    reports.filter(({ connectedAfter, published }) => connectedAfter < 0 || !published),
  ).toEqual([]);
});

describe("after a reboot in the same slow place", () => {
  test("the session goes on in two datagrams", () => {
    const setup = slow();
    const { world, application } = setup;
    for (let boot = 0; boot < 5; boot++) {
      const from = reboot(setup);
      application.publish("n");
      world.connect();
      world.run(100_000);
      expect([...application.outcomes.values()]).toEqual([[Status.Ok]]);
      // The keepalive of this link is another matter.
      expect(messages(world, "up", from).filter(({ message }) => message.code !== 0)).toHaveLength(
        1,
      );
      expect(repeated(world)).toBe(0);
    }
  });

  test("a new handshake sends every flight and every message once", () => {
    // A server that waits for its client, so that all repetitions are the client's.
    const setup = slow({ flightTimeoutMs: 60_000 });
    const { world } = setup;
    world.cloudStorage.documents.clear();
    world.startCloud();
    const from = reboot(setup);
    world.connect();
    expect(world.runUntil(() => world.state === ConnectionState.Hello, 200_000)).toBe(true);
    expect(world.runUntil(() => world.state === ConnectionState.Connected, 100_000)).toBe(true);
    expect(history(world).join()).toContain(Reason[Reason.HandshakeBecauseForgotten]);
    expect(repeated(world)).toBe(0);
    // ping, reset; two Hellos of either kind, the flights, Hello and its ACK; what follows is Describe
    expect(world.sent.slice(from).filter(({ at }) => at < world.now).length).toBeLessThanOrEqual(
      10,
    );
  });
});

/** ms until a publish whose first transmission is lost goes out again. */
function repetition({ world, application }: ReturnType<typeof slow>): number {
  const from = world.sent.length;
  let lost = false;
  world.tamper = (direction, bytes) => {
    if (lost || direction === "down") return bytes;
    lost = true;
    return undefined;
  };
  application.publish("lost");
  world.runUntil(() => application.isSettled, 300_000);
  const [first, second] = messages(world, "up", from);
  expect(second.message.messageId).toBe(first.message.messageId);
  return second.at - first.at;
}

test("on a fast link timers stay at their floors", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new World({ seed, ...FAST });
    const sentAt: number[] = [];
    world.tamper = (direction, bytes) => {
      if (direction === "up") sentAt.push(world.now);
      return world.now < 5000 ? undefined : bytes;
    };
    world.connectNow();
    expect(sentAt.slice(0, 3)).toEqual([0, 2000, 6000]);
    const application = new Application(world);
    world.run(5000);
    world.tamper = (_direction, bytes) => bytes;
    const wait = repetition({ world, application });
    expect(wait).toBeGreaterThanOrEqual(4000);
    expect(wait).toBeLessThan(6000);
  }
});

test("from slow to fast: timers come down with the answers", () => {
  const setup = slow();
  const { world, application } = setup;
  expect(repetition(setup)).toBeGreaterThan(11_000);
  world.link = FAST;
  world.run(60_000);
  for (let i = 0; i < 30; i++) {
    application.publish("n");
    world.run(1000);
  }
  expect(application.isSettled).toBe(true);
  expect(repetition(setup)).toBeLessThan(6000);
});
