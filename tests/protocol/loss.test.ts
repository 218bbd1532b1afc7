// 200 devices and more, each on a link that loses 20 %, doubles 10 % and delays by 20 to 400 ms.

import { BAD_LINK, runOverLoss } from "../soak/loss";
import type { LossReport } from "../soak/loss";

/** The last two: the cloud's repetition of an event met a device that had just resumed. */
const SEEDS = [...Array.from({ length: 200 }, (_, i) => i + 1), 814, 861];

/** The value that this part of all is below. */
function percentile(values: number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(part * values.length)];
}

/** Seeds of the reports that `isBad`; a failure names them. */
function seeds(reports: LossReport[], isBad: (report: LossReport) => boolean): number[] {
  return reports.filter(isBad).map(({ seed }) => seed);
}

describe("20 % loss, 10 % duplication, reordering", () => {
  const reports = SEEDS.map((seed) => runOverLoss(seed));
  const sum = (value: (report: LossReport) => number): number =>
    reports.reduce((total, report) => total + value(report), 0);

  test("everyone connects", () => {
    expect(seeds(reports, ({ connectedAfter }) => connectedAfter < 0)).toEqual([]);
    const times = reports.map(({ connectedAfter }) => connectedAfter);
    expect(percentile(times, 0.5)).toBeLessThan(10_000);
    expect(percentile(times, 0.95)).toBeLessThan(60_000);
  });

  test("every publish ends once, and well", () => {
    const isBad = ({ outcomes }: LossReport): boolean =>
      outcomes.length !== 10 ||
      outcomes.some(([status, ...more]) => status !== 0 || more.length > 0);
    expect(seeds(reports, isBad)).toEqual([]);
    expect(seeds(reports, ({ publishedAfter }) => publishedAfter > 200_000)).toEqual([]);
  });

  test("the cloud sees every publish, and none twice while the session lasts", () => {
    expect(seeds(reports, ({ missing }) => missing > 0)).toEqual([]);
    // A new session knows no message ids of the one before: only there may a publish come twice.
    const isBad = ({ duplicates, handshakes }: LossReport): boolean =>
      duplicates > 0 && handshakes === 1;
    expect(seeds(reports, isBad)).toEqual([]);
  });

  test("the application sees no event of the cloud twice while the session lasts", () => {
    expect(seeds(reports, ({ repeated, handshakes }) => repeated > 0 && handshakes === 1)).toEqual(
      [],
    );
    expect(sum(({ received }) => received)).toBeGreaterThan(0.95 * 10 * SEEDS.length);
  });

  test("a link that loses datagrams does not cost the session", () => {
    expect(sum(({ handshakes }) => handshakes)).toBeLessThanOrEqual(1.05 * SEEDS.length);
  });
});

test("other links: slow, doubling everything, losing a third", () => {
  const links = [
    { ...BAD_LINK, loss: 0, duplication: 1 },
    { ...BAD_LINK, loss: 0, minDelay: 2000, maxDelay: 3500 },
    { ...BAD_LINK, loss: 0.35, duplication: 0 },
    { loss: 0, minDelay: 0, maxDelay: 0 },
  ];
  for (const link of links) {
    const reports = Array.from({ length: 10 }, (_, i) => runOverLoss(1000 + i, link));
    const isBad = ({ connectedAfter, outcomes, missing }: LossReport): boolean =>
      connectedAfter < 0 || missing > 0 || outcomes.some(([status]) => status !== 0);
    expect({ link, seeds: seeds(reports, isBad) }).toEqual({ link, seeds: [] });
  }
});
