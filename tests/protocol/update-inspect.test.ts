// Two decoders of the same code, written apart: the core's inspection (assembly/update) and the tool's meter
// (tools/application). Whatever the core lets run, the tool must find metered.

import { Status } from "../../bindings/node";
import { capabilitiesOf } from "../../tools/application/bridge";
import { ImageKind, decodeImage, encodeImage, encodeManifest } from "../../tools/application/image";
import { isMetered } from "../../tools/application/meter";
import { WASM_HEADER, sectionsOf } from "../../tools/application/wasm-reader";
import { applicationImage } from "../support/application-modules";
import { compileAssembly } from "../support/compile";
import { hostileApplications } from "../support/hostile-applications";
import { mutate } from "../support/mutator";
import { SeededRandom } from "../support/random";

const HEAD_CAPACITY = 512;
/** No module of these sizes takes as many; each step is bounded. */
const MAX_STEPS = 1000;
const COUNT = 8000;

interface Inspector {
  memory: WebAssembly.Memory;
  head(): number;
  inspect_begin(length: number, size: number): number;
  inspect_step(): number;
}

/** Opcodes that may stand where another one of the list stood: the module stays valid. */
const ALIKE = [
  [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73],
  [0x46, 0x47, 0x48, 0x4a, 0x4d],
  [0x0c, 0x0d, 0x03, 0x02],
];

/** One change of one byte, in a way that often leaves a module that loads. */
function nudge(body: Buffer, random: SeededRandom): Buffer {
  const changed = Buffer.from(body);
  const at = random.below(changed.length);
  const alike = ALIKE.find((opcodes) => opcodes.includes(changed[at]));
  if (alike) changed[at] = alike[random.below(alike.length)];
  // `call 0` is fuel in some of them: without it, a nop and another.
  else if (changed[at] === 0x10 && random.chance(0.5)) changed.fill(0x01, at, at + 2);
  else changed[at] = (changed[at] + 0xff + random.below(3)) & 0xff;
  return changed;
}

let file: Buffer = Buffer.alloc(0);
let core: Inspector;

/** The core's verdict on a file. */
function verdictOf(bytes: Buffer): Status {
  file = bytes;
  const head = bytes.subarray(0, HEAD_CAPACITY);
  new Uint8Array(core.memory.buffer, core.head(), head.length).set(head);
  const status = core.inspect_begin(head.length, bytes.length);
  if (status !== 0) return status as Status;
  for (let i = 0; i < MAX_STEPS; i++) {
    const step = core.inspect_step();
    if (step !== 1) return step as Status;
  }
  throw new Error("the inspection does not end");
}

/** A file with this body, and a manifest that grants everything. */
function fileOf(body: Buffer): Buffer {
  const fields = { kind: ImageKind.Application, forced: false, version: 1, capabilities: 63 };
  const rest = { minimumAbi: 1, memoryKiB: 64, boards: [], keys: [] };
  const signedPart = encodeManifest({ ...fields, ...rest }, body);
  return encodeImage(Buffer.concat([signedPart, Buffer.alloc(64)]), body);
}

/** What the tools say: whether all loops are metered and all imports known. */
function toolAccepts(bytes: Buffer): boolean {
  try {
    capabilitiesOf(sectionsOf(bytes));
    return isMetered(bytes);
  } catch {
    return false;
  }
}

beforeAll(() => {
  const options = ["--use", "abort=", "--use", "WBOSON_QUEUE=1", "--use", "WBOSON_OTA=1"];
  const { bytes } = compileAssembly("tests/protocol/update-inspect.as.ts", options);
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  const imports: Record<string, Record<string, (...values: number[]) => number>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] = { ...imports[from], [name]: () => -1 };
  }
  imports.hal.image_read = (_area, offset, pointer, length) => {
    if (offset + length > file.length) return -1;
    const piece = file.subarray(offset, offset + length);
    new Uint8Array(core.memory.buffer, pointer, length).set(piece);
    return length;
  };
  core = new WebAssembly.Instance(module, imports).exports as unknown as Inspector;
});

test.each(["sensor", "led", "logger", "tracker", "well", "features", "memory"] as const)(
  "%s is taken",
  async (name) => {
    expect(verdictOf(await applicationImage(name, 1))).toBe(Status.Ok);
  },
);

test("the hostile ones are refused as they should be, or are the host's matter", () => {
  for (const { name, image, outcomes } of hostileApplications()) {
    const refused = outcomes.flatMap((outcome) =>
      typeof outcome === "object" && "refused" in outcome ? [outcome.refused] : [],
    );
    const isTaken = refused.length < outcomes.length;
    const verdict = verdictOf(image);
    const allowed: Status[] = isTaken ? [Status.Ok, ...refused] : refused;
    expect([name, allowed.includes(verdict)]).toEqual([name, true]);
    // Its manifest may grant less than it imports; the tool knows no manifest.
    if (verdict === Status.Ok) expect([name, toolAccepts(image)]).toEqual([name, true]);
  }
});

test(`what the core takes of ${COUNT} changed modules is metered`, async () => {
  const images = [
    ...hostileApplications().map(({ image }) => image),
    ...(await Promise.all(
      (["sensor", "tracker"] as const).map((name) => applicationImage(name, 1)),
    )),
  ];
  const corpus = images.map((image) => decodeImage(image).body);
  const random = new SeededRandom(20261121);
  const counts = { taken: 0, runnable: 0, refused: 0, unmetered: 0 };
  for (let i = 0; i < COUNT; i++) {
    const body = corpus[random.below(corpus.length)];
    const changed = fileOf(i % 4 ? nudge(body, random) : mutate(corpus, random));
    const verdict = verdictOf(changed);
    const isTaken = verdict === Status.Ok;
    const isValid = WebAssembly.validate(Uint8Array.from(changed));
    counts[!isTaken ? "refused" : isValid ? "runnable" : "taken"] += 1;
    if (isValid && verdict === Status.UpdateUnmetered) counts.unmetered += 1;
    // What does not even load cannot run for long.
    if (isTaken && isValid && !toolAccepts(changed)) {
      throw new Error(
        `change ${i}: the core takes ${changed.subarray(WASM_HEADER.length).toString("hex")}`,
      );
    }
  }
  expect(counts.runnable).toBeGreaterThan(COUNT / 10);
  expect(counts.refused).toBeGreaterThan(COUNT / 20);
  // Among them are some that would have run for ever.
  expect(counts.unmetered).toBeGreaterThan(COUNT / 200);
});
