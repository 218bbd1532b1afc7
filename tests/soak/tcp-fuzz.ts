// The fuzz campaign against the TCP side of the cloud. A failure names its target and its seed, which repeat it alone.

import { SeededRandom } from "../support/random";
import { TcpTargets } from "./fuzz/tcp-server";

export const TCP_TARGETS = ["stream", "message"] as const;
export type TcpTarget = (typeof TCP_TARGETS)[number];

export interface TcpFuzzReport {
  inputs: number;
  seconds: number;
  byStation: Record<string, number>;
  /** Inputs that ended their connection: with none, or all, little would be tested. */
  closed: number;
  /** Inputs that the cloud answered. */
  answered: number;
  failures: { target: TcpTarget; seed: number; message: string }[];
}

/** Failures that are kept; more of them say nothing new. */
const MOST_FAILURES = 20;

/** Run a campaign, half of it for each target unless one is named. */
export function tcpFuzz(options: {
  count: number;
  seed?: number;
  target?: TcpTarget;
  progress?: (done: number) => void;
}): TcpFuzzReport {
  const startedAt = performance.now();
  const targets = new TcpTargets();
  const report: TcpFuzzReport = {
    inputs: 0,
    seconds: 0,
    byStation: {},
    closed: 0,
    answered: 0,
    failures: [],
  };
  for (const target of options.target ? [options.target] : TCP_TARGETS) {
    const count = options.target ? options.count : Math.ceil(options.count / TCP_TARGETS.length);
    for (let i = 0; i < count && report.failures.length < MOST_FAILURES; i++) {
      const seed = (options.seed ?? 1) + i;
      report.inputs++;
      try {
        const { station, outcome } = targets[target](new SeededRandom(seed));
        report.byStation[station] = (report.byStation[station] ?? 0) + 1;
        report.closed += Number(outcome.closed);
        report.answered += Number(outcome.sent > 0);
      } catch (error) {
        const message = (error as Error).message.slice(0, 1000);
        report.failures.push({ target, seed, message });
      }
      if (report.inputs % 100_000 === 0) options.progress?.(report.inputs);
    }
  }
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}
