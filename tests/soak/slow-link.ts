// Devices on a link as slow as NB-IoT in bad coverage: 12 s for a round trip, one datagram in ten
// lost. What it costs to connect, beside the same link without loss; and the same with the timers of
// Device OS 6.2.0, which know nothing of round trips and give a handshake up after 45 s.

import { ConnectionState, Statistic, Status } from "../../bindings/node";
import { Application } from "../support/application";
import { history } from "../support/history";
import { compileVariant } from "../support/variant";
import { World } from "../support/world";
import type { LinkOptions } from "../support/world";

/** 6 s each way, +- 10 %. */
export const CLEAN: LinkOptions = { minDelay: 5400, maxDelay: 6600 };
export const NB_IOT: LinkOptions = { ...CLEAN, loss: 0.1 };

/** How long a device may try, ms of virtual time. */
const PATIENCE = 3 * 3_600_000;
/** The cloud's own default; it knows nothing of the link. */
const CLOUD = { flightTimeoutMs: 9000 };

export interface SlowReport {
  seed: number;
  /** ms until connected; -1 when it never was. */
  connectedAfter: number;
  /** Datagrams that either end sent until then, and those of the device. */
  datagrams: number;
  up: number;
  /** Flights and messages of the device that went out again until then. */
  repeated: number;
  /** Whether it connected without a failure in between. */
  atOnce: boolean;
  /** Whether a publish was acknowledged afterwards, and the cloud has it. */
  published: boolean;
}

/** Connect and publish over the link. */
export function runSlow(seed: number, link: LinkOptions, module?: WebAssembly.Module): SlowReport {
  const world = new World({ seed, ...link, module, cloud: CLOUD });
  const application = new Application(world);
  const seen: string[] = [];
  world.cloud.on("event", ({ data }) => seen.push(data.toString()));
  world.connect();
  const connected = world.runUntil(() => world.state === ConnectionState.Connected, PATIENCE);
  const { core } = world;
  const report = {
    seed,
    connectedAfter: connected ? world.now : -1,
    datagrams: world.sent.length,
    up: world.sent.filter(({ direction }) => direction === "up").length,
    repeated:
      core.statistic(Statistic.FlightsRetransmitted) +
      core.statistic(Statistic.MessagesRetransmitted),
    atOnce: !history(world).some((change) => change.startsWith("Disconnected")),
  };
  if (!connected) return { ...report, published: false };
  const handle = application.publish("up", "once");
  world.runUntil(() => application.isSettled, PATIENCE);
  const isDone = application.outcomes.get(handle)?.join() === String(Status.Ok);
  return { ...report, published: isDone && seen.includes("once") };
}

/** The core with timers as Device OS 6.2.0 configures them: 3, 6, 12, 24 s, then it gives up. */
export function deviceOsTimers(): WebAssembly.Module {
  const config = "assembly/config.ts";
  return compileVariant([
    {
      file: config,
      from: "const FLIGHT_TIMEOUT: i32 = 2000",
      to: "const FLIGHT_TIMEOUT: i32 = 3000",
    },
    {
      file: config,
      from: "MAX_FLIGHT_TIMEOUT: i32 = 60000",
      to: "MAX_FLIGHT_TIMEOUT: i32 = 24000",
    },
    {
      file: config,
      from: "MAX_FLIGHT_TRANSMISSIONS: i32 = 7",
      to: "MAX_FLIGHT_TRANSMISSIONS: i32 = 4",
    },
    {
      file: "assembly/util/round-trip.ts",
      from: "min(max(floor, smoothed + 4 * variation), MAX_TIMEOUT)",
      to: "floor",
    },
  ]);
}

export interface SlowFigures {
  runs: number;
  connected: number;
  connectedAtOnce: number;
  published: number;
  /** Mean, 95th percentile and largest. */
  datagrams: number[];
  up: number[];
  seconds: number[];
}

function spread(values: number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const p95 = sorted[Math.ceil(0.95 * sorted.length) - 1];
  return [mean, p95, sorted[sorted.length - 1]].map((value) => Math.round(100 * value) / 100);
}

/** Figures of many runs; `per` divides the datagrams. */
export function slowFigures(reports: SlowReport[], per = { datagrams: 1, up: 1 }): SlowFigures {
  const connected = reports.filter(({ connectedAfter }) => connectedAfter >= 0);
  return {
    runs: reports.length,
    connected: connected.length,
    connectedAtOnce: connected.filter(({ atOnce }) => atOnce).length,
    published: reports.filter(({ published }) => published).length,
    datagrams: spread(connected.map(({ datagrams }) => datagrams / per.datagrams)),
    up: spread(connected.map(({ up }) => up / per.up)),
    seconds: spread(connected.map(({ connectedAfter }) => connectedAfter / 1000)),
  };
}

export interface SlowComparison {
  clean: SlowFigures;
  lossy: SlowFigures;
  /** Datagrams with loss by those of the same seed without. */
  ratio: { datagrams: number[]; up: number[] };
}

/** The same seeds without loss and with it. */
export function compareSlow(seeds: number[], module?: WebAssembly.Module): SlowComparison {
  const clean = seeds.map((seed) => runSlow(seed, CLEAN, module));
  const lossy = seeds.map((seed) => runSlow(seed, NB_IOT, module));
  const ratios = (of: "datagrams" | "up"): number[] =>
    spread(lossy.map((report, i) => report[of] / clean[i][of]));
  return {
    clean: slowFigures(clean),
    lossy: slowFigures(lossy),
    ratio: { datagrams: ratios("datagrams"), up: ratios("up") },
  };
}

/** What must hold. */
export function slowProblems({ clean, lossy, ratio }: SlowComparison): string[] {
  const problems: string[] = [];
  for (const [name, figures] of Object.entries({ clean, lossy })) {
    const { runs, connected, published } = figures;
    if (connected < runs) problems.push(`${name}: ${runs - connected} never connect`);
    if (published < runs) problems.push(`${name}: ${runs - published} publishes without ACK`);
  }
  if (ratio.datagrams[0] > 1.5) problems.push(`mean ratio ${ratio.datagrams[0]}`);
  return problems;
}

/** The whole campaign; prints its figures. @returns whether all was well */
export function slowLinkCampaign(count: number, first: number): boolean {
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  const ours = compareSlow(seeds);
  console.log("[mean, 95th percentile, largest]; datagrams of both ends, up of the device");
  console.log("adaptive timers:", ours);
  console.log("timers of Device OS:", compareSlow(seeds, deviceOsTimers()));
  const problems = slowProblems(ours);
  if (problems.length) console.log(problems);
  return problems.length === 0;
}
