// Long runs of what tests/protocol does in short.
// usage: npm run soak -- fuzz --count 1000000 [--seed N] [--target NAME]
//        npm run soak -- cloud-fuzz --count 1000000 [--seed N]  the UDP side of the cloud
//        npm run soak -- tcp-fuzz --count 1000000 [--seed N]    the TCP side of the cloud
//        npm run soak -- tcp-cuts                               its handshake in every division into three pieces
//        npm run soak -- stream-fuzz --count 1000000 [--seed N] the TCP side of the core
//        npm run soak -- update-fuzz --count 1000000 [--seed N] messages of updates to the core
//        npm run soak -- lives|loss --count 2000 [--seed N]
//        npm run soak -- cuts                                   1,000 lives, every byte of every write
//        npm run soak -- slow-link --count 500                  12 s round trip
//        npm run soak -- updates --count 1000 [--seed N]        5 KB that often over the air, 256 KB a tenth of it
//        npm run soak -- orders                                 a server's messages in every order
//        npm run soak -- queue --count 100000 [--seed N]        that many events of a stored queue
//        npm run soak -- damage                                 all eight bits of each byte
//        npm run soak -- kills --count 200                      a cloud process under load
//        npm run soak -- update-cuts --count 10000              power cuts in updates; all of the journal
//        npm run soak -- http --count 100000 [--seed N]         requests to the API

import { parseArgs } from "node:util";

import { cloudFuzz } from "./cloud-fuzz";
import { cutsCampaign } from "./cuts";
import { cutAll, flipAll, outcomeTable } from "./damage";
import { TARGETS, fuzz } from "./fuzz";
import type { Target } from "./fuzz";
import { fuzzHttp } from "./http-fuzz";
import { killCloud } from "./kills";
import { live } from "./lives";
import type { LifeReport } from "./lives";
import { runOverLoss } from "./loss";
import type { LossReport } from "./loss";
import { ordersCampaign } from "./orders";
import { queueLife } from "./queue";
import { slowLinkCampaign } from "./slow-link";
import { streamFuzz } from "./stream-fuzz";
import { tcpCuts } from "./tcp-cuts";
import { tcpFuzz } from "./tcp-fuzz";
import { updateFuzz } from "./update-fuzz";
import { updateCutsCampaign } from "./update-cuts";
import { FAR, LARGE, SMALL, updateCampaign, updateProblems } from "./updates";

interface Options {
  count: number;
  seed: number;
  target?: Target;
}

/** Each prints its figures and returns whether all was well. */
const RUNS: Record<string, (options: Options) => boolean | Promise<boolean>> = {
  fuzz(options) {
    const progress = (done: number): void => {
      if (done % 100_000 === 0) console.error(`fuzz: ${done} inputs`);
    };
    const report = fuzz({ ...options, progress });
    console.log(JSON.stringify(report, null, 2));
    return report.failures.length === 0;
  },

  "cloud-fuzz"({ count, seed }) {
    const progress = (done: number): void => console.error(`cloud-fuzz: ${done} inputs`);
    const report = cloudFuzz({ count, seed, progress });
    console.log(JSON.stringify(report, null, 2));
    return report.failures.length === 0;
  },

  "tcp-fuzz"({ count, seed }) {
    const progress = (done: number): void => console.error(`tcp-fuzz: ${done} inputs`);
    const report = tcpFuzz({ count, seed, progress });
    console.log(JSON.stringify(report, null, 2));
    return report.failures.length === 0;
  },

  "update-fuzz"({ count, seed }) {
    const progress = (done: number): void => console.error(`update-fuzz: ${done} inputs`);
    const report = updateFuzz({ count, seed, progress });
    console.log(JSON.stringify(report, null, 2));
    return report.failures.length === 0;
  },

  "tcp-cuts"() {
    const report = tcpCuts();
    console.log(report);
    return report.failed.length === 0;
  },

  lives({ count, seed }) {
    const reports = seeds(count, seed).map(live);
    const bad = reports.filter(({ problems }) => problems.length > 0);
    const { boots, records, handshakes, resumes, torn, duplicates } = sums<LifeReport>(reports);
    console.log({ lives: count, boots, records, handshakes, resumes, torn, duplicates });
    for (const { seed: life, problems } of bad) console.log(`seed ${life}:`, problems);
    return bad.length === 0;
  },

  loss({ count, seed }) {
    const reports = seeds(count, seed).map((run) => runOverLoss(run));
    const isBad = ({ connectedAfter, outcomes, missing }: LossReport): boolean =>
      connectedAfter < 0 ||
      missing > 0 ||
      outcomes.some(([status, ...more]) => status !== 0 || more.length > 0);
    const bad = reports.filter(isBad).map(({ seed: run }) => run);
    const { missing, duplicates, received, repeated, handshakes } = sums<LossReport>(reports);
    const times = (of: (report: LossReport) => number): number[] => {
      const sorted = reports.map(of).sort((a, b) => a - b);
      return [0.5, 0.9, 0.99, 1].map((part) => sorted[Math.ceil(part * count) - 1]);
    };
    console.log({
      runs: count,
      ...{ missing, duplicates, received, repeated, handshakes },
      connectedAfter: times((report) => report.connectedAfter),
      publishedAfter: times((report) => report.publishedAfter),
      failed: bad,
    });
    return bad.length === 0;
  },

  damage() {
    const reports = [...Array.from({ length: 8 }, (_, turn) => flipAll(turn)).flat(), ...cutAll()];
    console.log(JSON.stringify(outcomeTable(reports), null, 2));
    const bad = reports.filter(({ problems }) => problems.length > 0);
    console.log({ damages: reports.length, problems: bad });
    return bad.length === 0;
  },

  queue({ count, seed }) {
    const report = queueLife(seed, count);
    console.log(report);
    return report.problems.length === 0;
  },

  cuts: ({ count, seed }) => cutsCampaign(count, seed),

  "update-cuts": ({ count, seed }) => updateCutsCampaign(count, seed),
  async updates({ count, seed }) {
    const problems: string[] = [];
    for (const which of [SMALL, LARGE, FAR]) {
      const runs = which === SMALL ? count : Math.ceil(count / 10);
      const { figures, reports } = await updateCampaign(which, runs, seed);
      console.log(JSON.stringify(figures));
      for (const report of reports.filter((one) => one.problems.length > 0)) console.log(report);
      problems.push(...updateProblems(figures));
    }
    problems.forEach((problem) => console.log(problem));
    return problems.length === 0;
  },

  "slow-link": ({ count, seed }) => slowLinkCampaign(count, seed),

  "stream-fuzz": (options) => streamFuzz(options),

  orders: () => ordersCampaign(6),

  async http({ count, seed }) {
    const report = await fuzzHttp(count, seed);
    console.log(JSON.stringify(report, null, 2));
    return report.failures.length === 0;
  },

  async kills({ count, seed }) {
    const report = await killCloud(count, seed);
    console.log(report);
    return report.problems.length === 0;
  },
};

function seeds(count: number, first: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Sums of the numeric fields. */
function sums<T extends object>(reports: T[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const report of reports) {
    for (const [name, value] of Object.entries(report)) {
      if (typeof value === "number") total[name] = (total[name] ?? 0) + value;
    }
  }
  return total;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { count: { type: "string" }, seed: { type: "string" }, target: { type: "string" } },
  });
  const run = RUNS[positionals[0] ?? ""];
  if (!run) throw new Error(`which one? ${Object.keys(RUNS).join(", ")}`);
  const target = values.target as Target | undefined;
  if (target && !TARGETS.includes(target)) throw new Error(`targets: ${TARGETS.join(", ")}`);
  const startedAt = performance.now();
  const options = { count: Number(values.count ?? 1000), seed: Number(values.seed ?? 1), target };
  if (!(await run(options))) process.exitCode = 1;
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

void main();
