// The fuzz campaign: so many inputs to each target, a report of what they did. A failure names its
// target and its seed, which repeat it alone.

import { Targets } from "./fuzz/targets";
import type { Result } from "./fuzz/targets";

export const TARGETS = ["datagram", "stranger", "message", "command", "storage", "codec"] as const;
export type Target = (typeof TARGETS)[number];

/** Share of a campaign that each target gets. */
const SHARES: Record<Target, number> = {
  datagram: 0.3,
  stranger: 0.25,
  message: 0.2,
  command: 0.1,
  storage: 0.05,
  codec: 0.1,
};

export interface FuzzReport {
  inputs: number;
  seconds: number;
  byTarget: Record<string, number>;
  byStation: Record<string, number>;
  /** Outputs of the device: inputs that lead to nothing only would test nothing. */
  datagrams: number;
  events: number;
  /** Longest handling of one input, ms. */
  slowest: number;
  failures: { target: Target; seed: number; message: string }[];
}

export interface FuzzOptions {
  count: number;
  seed?: number;
  /** One target only. */
  target?: Target;
  progress?: (done: number) => void;
}

/** Failures that are kept; more of them say nothing new. */
const MOST_FAILURES = 20;

/** Run a campaign. @param targets may be used for several ones */
export function fuzz(options: FuzzOptions, targets = new Targets()): FuzzReport {
  const startedAt = performance.now();
  const report: FuzzReport = {
    inputs: 0,
    seconds: 0,
    byTarget: {},
    byStation: {},
    datagrams: 0,
    events: 0,
    slowest: 0,
    failures: [],
  };
  for (const target of options.target ? [options.target] : TARGETS) {
    const count = options.target ? options.count : Math.ceil(options.count * SHARES[target]);
    for (let i = 0; i < count && report.failures.length < MOST_FAILURES; i++) {
      const seed = (options.seed ?? 1) + i;
      report.inputs += 1;
      try {
        add(report, targets[target](seed));
      } catch (error) {
        const message = (error as Error).message.slice(0, 1000);
        report.failures.push({ target, seed, message });
      }
      if (report.inputs % 10_000 === 0) options.progress?.(report.inputs);
    }
  }
  report.slowest = targets.device.slowest;
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}

function add(report: FuzzReport, result: Result): void {
  const { target, station, datagrams, events } = result;
  report.byTarget[target] = (report.byTarget[target] ?? 0) + 1;
  report.byStation[station] = (report.byStation[station] ?? 0) + 1;
  report.datagrams += datagrams;
  report.events += events;
}
