// The fuzz campaign against the UDP side of the cloud, in virtual time. What must not happen: an exception, a trace of a
// datagram that does not authenticate, more bytes to an unverified address than came from it, a table without a bound,
// memory that grows with the number of datagrams.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { SeededRandom } from "../support/random";
import { CloudTargets } from "./fuzz/cloud-targets";

export const CLOUD_TARGETS = ["recording", "hello", "message", "handshake"] as const;
export type CloudTarget = (typeof CLOUD_TARGETS)[number];

/** Share of a campaign that each target gets; a handshake costs as much as a hundred of the others. */
const SHARES: Record<CloudTarget, number> = {
  recording: 0.5,
  hello: 0.25,
  message: 0.23,
  handshake: 0.02,
};

export interface CloudFuzzReport {
  inputs: number;
  seconds: number;
  byTarget: Record<string, number>;
  /** Inputs that the cloud answered: with none, or all, little would be tested. */
  answered: Record<string, number>;
  /** Handshakes of the clients whose sessions were fuzzed. */
  handshakes: number;
  /** Answer bytes for each byte of an unverified address, in total for that address: the most. */
  highestAmplification: number;
  /** What the cloud has dropped, by reason. */
  dropped: Record<string, number>;
  /** Heap and buffers after a collection, MB, ten times on the way. */
  memory: number[];
  failures: { target: string; seed: number; message: string }[];
}

/** Failures that are kept; more of them say nothing new. */
const MOST_FAILURES = 20;
/** Below that many inputs the memory says nothing. */
const LEAST_FOR_MEMORY = 500_000;
/** In the second half. What waits for a device that acknowledges nothing comes and goes by as much. */
const MOST_GROWTH_MB = 8;

/**
 * Run a campaign: targets take turns, on one cloud.
 * @param options.target only this one
 */
export function cloudFuzz(options: {
  count: number;
  seed?: number;
  target?: CloudTarget;
  progress?: (done: number) => void;
}): CloudFuzzReport {
  const startedAt = performance.now();
  const { count, seed: first = 1 } = options;
  const targets = new CloudTargets(first);
  const report: CloudFuzzReport = {
    ...{ inputs: 0, seconds: 0, byTarget: {}, answered: {}, handshakes: 0 },
    ...{ highestAmplification: 0, dropped: {}, memory: [], failures: [] },
  };
  const collect = garbageCollection();
  const fail = (target: string, seed: number, error: unknown): void => {
    report.failures.push({ target, seed, message: (error as Error).message.slice(0, 1000) });
  };
  for (let i = 0; i < count && report.failures.length < MOST_FAILURES; i++) {
    const random = new SeededRandom(first + i);
    const target = options.target ?? draw(random);
    try {
      const { answered } = targets[target](random);
      report.answered[target] = (report.answered[target] ?? 0) + Number(answered > 0);
      targets.pass(random, i);
    } catch (error) {
      fail(target, first + i, error);
    }
    report.byTarget[target] = (report.byTarget[target] ?? 0) + 1;
    report.inputs++;
    if (report.inputs % 100_000 === 0) options.progress?.(report.inputs);
    if (report.inputs % Math.ceil(count / 10) === 0) report.memory.push(usedMegabytes(collect));
  }
  try {
    targets.finish();
    checkMemory(report);
  } catch (error) {
    fail("finish", first, error);
  }
  report.handshakes = targets.side.handshakes;
  report.highestAmplification = targets.highestAmplification;
  report.dropped = { ...targets.side.cloud.counters };
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}

function draw(random: SeededRandom): CloudTarget {
  let at = random.unit();
  return CLOUD_TARGETS.find((target) => (at -= SHARES[target]) < 0) ?? "recording";
}

/** In the first half code is compiled, and tables fill up to their bounds. @throws Error */
function checkMemory({ inputs, memory }: CloudFuzzReport): void {
  if (inputs < LEAST_FOR_MEMORY) return;
  const middle = memory[Math.floor(memory.length / 2)];
  const end = memory[memory.length - 1];
  if (end - middle > MOST_GROWTH_MB) throw new Error(`memory grew from ${middle} to ${end} MB`);
}

function usedMegabytes(collect: () => void): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return Math.round((heapUsed + arrayBuffers) / 1e5) / 10;
}

/** The collector of this process, with --expose-gc or without. */
function garbageCollection(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
