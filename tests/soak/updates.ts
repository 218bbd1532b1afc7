// Updates over the air on links that lose datagrams: the real core against the cloud's sender in virtual time, what they
// cost in bytes and how long they take.

import { MemoryImages } from "../../bindings/node";
import { signFirmware } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { SeededRandom } from "../support/random";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { imageOf, otaModule, updatableStorage } from "../support/updating-world";
import { DEVICE_ID, World } from "../support/world";
import type { UpdateResult } from "../../cloud";

/** IPv4 20 + UDP 8. */
const HEADERS = 28;
/** Bytes of an application area. */
const AREA = 320 * 1024;
/** Bytes of the largest file that is made as an application. */
const APPLICATION_LIMIT = 60_000;
const PATIENCE_MS = 3600_000;

export interface UpdateLink {
  /** Probability that a datagram is lost. */
  loss: number;
  /** ms. */
  roundTrip: number;
}

export interface UpdateCase extends UpdateLink {
  id: string;
  /** Bytes of the file. */
  size: number;
}

/** The contract of updates: bytes on IPv4 and seconds at the 95th percentile of the seeds. */
export const SMALL: UpdateCase = { id: "5-KB", size: 5120, loss: 0.01, roundTrip: 2000 };
export const LARGE: UpdateCase = { id: "256-KB", size: 262_144, loss: 0.05, roundTrip: 200 };
export const FAR: UpdateCase = { ...LARGE, id: "256-KB-far", roundTrip: 2000 };

export interface UpdateReport {
  seed: number;
  ms: number;
  /** Bytes on IPv4 in both directions: all that was sent, and what of it arrived. */
  sent: number;
  delivered: number;
  datagrams: number;
  /** Chunks that went out again, and acknowledgements of the device. */
  repeats: number;
  acks: number;
  problems: string[];
}

/** A signed file of so many bytes: an application, or a native firmware where one would be that large. */
export function imageOfSize(size: number): Buffer {
  const make = (length: number): Buffer =>
    size <= APPLICATION_LIMIT
      ? imageOf(applicationOf(length), 2)
      : signFirmware(new SeededRandom(7).bytes(length), TEST_UPDATE_KEY, { version: 2 });
  const around = make(size / 2).length - size / 2;
  // Lengths in it take a byte more or less.
  for (let length = size - around - 8; length < size; length++) {
    const image = make(length);
    if (image.length === size) return image;
  }
  throw new Error(`no image of ${size} bytes`);
}

/** Flash a device once. */
export async function runUpdate(
  seed: number,
  { size, loss, roundTrip }: UpdateCase,
  image = imageOfSize(size),
): Promise<UpdateReport> {
  const images = new MemoryImages(AREA, AREA);
  const world = new World({
    ...{ seed, module: otaModule(), storage: updatableStorage() },
    minDelay: roundTrip / 2,
    device: { images },
    onBoot: (core, now) => core.exports.update_open!(now),
  });
  world.connectNow();
  world.run(30_000);
  const { session } = world;
  const traffic = { sent: 0, delivered: 0, datagrams: 0 };
  world.tamper = (_direction, bytes) => {
    const length = bytes.length + HEADERS;
    traffic.sent += length;
    traffic.datagrams++;
    if (world.random.chance(loss)) return undefined;
    traffic.delivered += length;
    return bytes;
  };
  const start = world.now;
  const outcome = await world.settle(
    world.cloud.flash(DEVICE_ID, image).catch((error: Error) => error),
    PATIENCE_MS,
  );
  const ms = world.now - start;
  const problems: string[] = [];
  if (outcome instanceof Error) problems.push(outcome.message);
  if (world.session !== session) problems.push("the session is another one");
  if (!holds(images, image)) problems.push("the device does not hold the file");
  const { repeats = 0, device = {} } = outcome instanceof Error ? {} : (outcome as UpdateResult);
  return { seed, ms, ...traffic, repeats, acks: device.sentAcks ?? 0, problems };
}

/** One of the areas has the file. */
function holds(images: MemoryImages, image: Buffer): boolean {
  return [...images.areas.values()].some((area) =>
    image.equals(Buffer.from(area.buffer, area.byteOffset, Math.min(area.length, image.length))),
  );
}

export interface UpdateFigures {
  id: string;
  runs: number;
  failed: number;
  size: number;
  /** Median and 95th percentile. */
  seconds: [number, number];
  sent: [number, number];
  delivered: [number, number];
  acks: [number, number];
  repeats: [number, number];
  /** Of what was sent over the size, percent. */
  overhead: [number, number];
  overheadDelivered: [number, number];
}

export function updateFigures({ id, size }: UpdateCase, reports: UpdateReport[]): UpdateFigures {
  const of = (value: (report: UpdateReport) => number): [number, number] => {
    const sorted = reports.map(value).sort((a, b) => a - b);
    const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1];
    return [round(at(0.5)), round(at(0.95))];
  };
  return {
    ...{ id, size, runs: reports.length },
    failed: reports.filter(({ problems }) => problems.length > 0).length,
    seconds: of(({ ms }) => ms / 1000),
    sent: of(({ sent }) => sent),
    delivered: of(({ delivered }) => delivered),
    acks: of(({ acks }) => acks),
    repeats: of(({ repeats }) => repeats),
    overhead: of(({ sent }) => (100 * (sent - size)) / size),
    overheadDelivered: of(({ delivered }) => (100 * (delivered - size)) / size),
  };
}

/** Flash with each seed. */
export async function updateCampaign(
  which: UpdateCase,
  count: number,
  seed = 1,
): Promise<{ figures: UpdateFigures; reports: UpdateReport[] }> {
  const image = imageOfSize(which.size);
  const reports: UpdateReport[] = [];
  for (let run = 0; run < count; run++) reports.push(await runUpdate(seed + run, which, image));
  return { figures: updateFigures(which, reports), reports };
}

/** What must hold. */
export function updateProblems({
  id,
  failed,
  seconds,
  sent,
  overheadDelivered,
}: UpdateFigures): string[] {
  const problems: string[] = [];
  if (failed > 0) problems.push(`${id}: ${failed} failed`);
  if (id === SMALL.id) {
    if (sent[1] > 8192) problems.push(`${id}: ${sent[1]} bytes at the 95th percentile`);
    if (seconds[1] > 45) problems.push(`${id}: ${seconds[1]} s at the 95th percentile`);
  } else if (overheadDelivered[1] > 12) {
    problems.push(`${id}: ${overheadDelivered[1]} % more than the file arrives`);
  }
  return problems;
}

function round(value: number): number {
  return Math.round(100 * value) / 100;
}
