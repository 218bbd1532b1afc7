// What a device does not take: each refusal by its name, and nothing changed on the device. First the
// store by itself, then modules that are looked through, then bytes at random.

import { EventKind, Status, StorageSlot } from "../../bindings/node";
import { ImageKind } from "../../tools/application/image";
import type { ManifestFields } from "../../tools/application/image";
import {
  makeUpdateKey,
  signApplication,
  signFirmware,
  signImage,
} from "../../tools/application/sign";
import { SectionId, WASM_HEADER } from "../../tools/application/wasm-reader";
import {
  CALL_FUEL,
  END,
  ONE,
  ZERO,
  applicationOf,
  moduleOf,
  plainApplication,
} from "../support/application-module";
import type { ModuleSpec } from "../support/application-module";
import { hostileApplications } from "../support/hostile-applications";
import { mutate } from "../support/mutator";
import { SeededRandom } from "../support/random";
import { UpdateDevice } from "../support/update-device";
import { TEST_UPDATE_KEY } from "../support/update-key";

const FIELDS: ManifestFields = {
  kind: ImageKind.Application,
  forced: false,
  version: 5,
  capabilities: 0,
  minimumAbi: 1,
  memoryKiB: 0,
  boards: [],
  keys: [],
};

/** A signed image with these fields, and a body without them being asked. */
const imageOf = (fields: Partial<ManifestFields>, module = applicationOf(3000)): Buffer =>
  signImage({ ...FIELDS, ...fields }, module.subarray(WASM_HEADER.length), TEST_UPDATE_KEY);

const image = imageOf({});

/** A device that runs version 4, confirmed. */
function readyDevice(): UpdateDevice {
  const device = new UpdateDevice({ platformId: 12 });
  const file = signApplication(applicationOf(2500), TEST_UPDATE_KEY, { version: 4 });
  expect(device.update(file)).toBe(Status.Ok);
  expect(device.call("application_begin", device.now)).toBe(Status.Ok);
  expect(device.call("application_healthy", device.now)).toBe(Status.Ok);
  device.events.length = 0;
  return device;
}

/** What must not change by a refused update. */
function stateOf(device: UpdateDevice): unknown {
  return [
    device.call("application_image"),
    device.running,
    device.call("application_length"),
    device.fileIn(0, device.images.capacity(0)).toString("hex"),
  ];
}

const flipped = (file: Buffer, at: number): Buffer => {
  const copy = Buffer.from(file);
  copy[at] ^= 1;
  return copy;
};

/** Offset of the manifest: behind header, section id, length, and a name of six letters. */
const MANIFEST = 8 + 1 + 1 + 7;
const SIGNATURE_END = MANIFEST + 54 + 64 - 1;

describe("a file is refused", () => {
  const stranger = makeUpdateKey();
  const cases: [string, Status, () => Buffer][] = [
    [
      "wrong key",
      Status.UpdateSignature,
      () => signApplication(applicationOf(3000), stranger, { version: 5 }),
    ],
    ["changed signature", Status.UpdateSignature, () => flipped(image, SIGNATURE_END)],
    ["changed version", Status.UpdateSignature, () => flipped(image, MANIFEST + 4)],
    ["changed flags: forced", Status.UpdateSignature, () => flipped(image, MANIFEST + 2)],
    ["another board", Status.UpdateWrongBoard, () => imageOf({ boards: [13, 32] })],
    ["older", Status.UpdateNotNewer, () => imageOf({ version: 3 })],
    ["the same again", Status.UpdateNotNewer, () => imageOf({ version: 4 })],
    ["later core", Status.UpdateCoreTooOld, () => imageOf({ minimumAbi: 2 })],
    ["changed body", Status.UpdateHash, () => flipped(image, 2000)],
    ["truncated", Status.UpdateTruncated, () => image.subarray(0, 2500)],
    ["more behind it", Status.UpdateMalformed, () => Buffer.concat([image, Buffer.alloc(100)])],
    ["not wasm", Status.UpdateMalformed, () => Buffer.alloc(3000, "no")],
    ["a module that is not signed", Status.UpdateMalformed, () => applicationOf(3000)],
    ["unknown format", Status.UpdateMalformed, () => flipped(image, MANIFEST)],
    ["unknown kind", Status.UpdateMalformed, () => imageOf({ kind: 9 as ImageKind })],
    ["unknown flags", Status.UpdateMalformed, () => flipped(image, MANIFEST + 3)],
    [
      "native firmware in its place",
      Status.NotSupported,
      () => signFirmware(Buffer.alloc(3000), TEST_UPDATE_KEY, { version: 5 }),
    ],
    ["a command with a body", Status.UpdateMalformed, () => imageOf({ kind: ImageKind.Disable })],
  ];

  test.each(cases)("%s", (_, status, file) => {
    const device = readyDevice();
    const before = stateOf(device);
    expect(device.send(file())).toBe(status);
    // It stays refused, and is told once.
    expect(device.steps("storeFinish")).toBe(status);
    device.call("storeCancel", 1, status);
    device.drain();
    expect(device.eventsOf(EventKind.UpdateEnded)).toEqual([expect.objectContaining({ status })]);
    expect(device.eventsOf(EventKind.ApplicationChange)).toEqual([]);
    expect(stateOf(device)).toEqual(before);
    expect(device.call("update_info", 3)).toBe(status);
    // And the next good one is taken.
    expect(device.update(image)).toBe(Status.Ok);
    expect(device.running).toBe(5);
  });

  test("R27: an older one is taken only when it is signed so", () => {
    const device = readyDevice();
    expect(device.update(imageOf({ version: 3, forced: true }))).toBe(Status.Ok);
    expect(device.running).toBe(3);
  });

  test("for this board among others", () => {
    const device = readyDevice();
    expect(device.update(imageOf({ boards: [1, 2, 3, 4, 5, 6, 7, 12] }))).toBe(Status.Ok);
  });
});

describe("an update is refused before it begins", () => {
  const refused = (device: UpdateDevice, status: Status, options = {}): void => {
    const before = stateOf(device);
    const { tried } = device.images;
    expect(device.begin(image, options)).toBe(status);
    expect(device.images.tried).toBe(tried);
    expect(stateOf(device)).toEqual(before);
  };

  test("too large", () => {
    const device = readyDevice();
    refused(device, Status.UpdateTooLarge, { size: device.images.capacity(0) + 1 });
    expect(device.begin(image, { size: device.images.capacity(0) })).toBe(Status.Ok);
  });

  test("switched off", () => {
    const device = readyDevice();
    device.call("update_enable", 0, device.now);
    refused(device, Status.UpdateDisabled);
    // Short files may be commands: they are refused by their manifest.
    expect(device.send(imageOf({}, applicationOf(0)))).toBe(Status.UpdateDisabled);
    expect(device.send(imageOf({ forced: true }, applicationOf(0)))).toBe(Status.Ok);
  });

  test("on probation", () => {
    const device = readyDevice();
    expect(device.update(image)).toBe(Status.Ok);
    expect(device.begin(imageOf({ version: 6 }))).toBe(Status.UpdateBusy);
    expect(device.send(imageOf({ version: 6 }, applicationOf(0)))).toBe(Status.UpdateBusy);
    expect(device.running).toBe(5);
  });

  test("no keys", () => {
    const device = readyDevice();
    device.storage.slots.delete(StorageSlot.UpdateKeys);
    refused(device, Status.UpdateNoKeys);
  });

  test.each([1, 2, 4, 6, 7, 8, 9, -1])("module type %d", (type) => {
    refused(readyDevice(), Status.NotSupported, { image: type });
  });

  test("native firmware without a place for it", () => {
    refused(readyDevice(), Status.NotSupported, { image: 3 });
  });
});

describe("a module is refused", () => {
  type Change = (spec: ModuleSpec) => void;
  const I32 = 0x7f;
  const add =
    (section: SectionId, ...content: number[]): Change =>
    (spec) => {
      spec.extra = [...(spec.extra ?? []), { id: section, content: Uint8Array.from(content) }];
    };
  const code =
    (name: string, ...bytes: number[]): Change =>
    (spec) => {
      spec.functions.find((one) => one.name === name)!.code = bytes;
    };
  const imports =
    (module: string, name: string, parameters: number, results: number): Change =>
    (spec) =>
      void spec.imports.push({ module, name, parameters, results });
  const NOP_LOOP = [0x03, 0x40, 0x01, END];

  const cases: [string, Status, Change][] = [
    ["import of another module", Status.UpdateImports, imports("env", "log", 3, 0)],
    ["import of another name", Status.UpdateImports, imports("wboson", "session", 0, 1)],
    ["import of the core's host", Status.UpdateImports, imports("hal", "storage_read", 3, 1)],
    ["import with another type", Status.UpdateImports, imports("wboson", "log", 2, 0)],
    ["import that is not granted", Status.UpdateImports, imports("wboson", "publish", 7, 1)],
    ["pins that are not granted", Status.UpdateImports, imports("board", "call", 5, 1)],
    ["pins from the wrong module", Status.UpdateImports, imports("wboson", "call", 5, 1)],
    ["a bridge function from the board", Status.UpdateImports, imports("board", "log", 3, 0)],
    ["a loop without fuel", Status.UpdateUnmetered, code("loop", ...NOP_LOOP)],
    [
      "a loop in a loop without fuel",
      Status.UpdateUnmetered,
      code("loop", 0x03, 0x40, ...CALL_FUEL, ...NOP_LOOP, END),
    ],
    [
      "fuel behind the start of the loop",
      Status.UpdateUnmetered,
      code("loop", 0x03, 0x40, 0x01, ...CALL_FUEL, END),
    ],
    [
      "a loop that begins with a loop",
      Status.UpdateUnmetered,
      code("loop", 0x03, 0x40, 0x03, 0x40, ...CALL_FUEL, END, END),
    ],
    ["a call without fuel", Status.UpdateUnmetered, code("setup", 0x10, 5)],
    ["a call before fuel", Status.UpdateUnmetered, code("setup", 0x01, ...CALL_FUEL, 0x10, 5)],
    [
      "fuel in a block only",
      Status.UpdateUnmetered,
      code("setup", 0x02, 0x40, ...CALL_FUEL, END, 0x10, 5),
    ],
    ["an indirect call without fuel", Status.UpdateUnmetered, code("setup", ...ZERO, 0x11, 0, 0)],
    ["a tail call", Status.UpdateMalformed, code("setup", 0x12, 5)],
    ["an unknown instruction", Status.UpdateMalformed, code("setup", 0x06, 0x40, END)],
    ["a vector instruction", Status.UpdateMalformed, code("setup", 0xfd, 0x0f)],
    ["an atomic instruction", Status.UpdateMalformed, code("setup", 0xfe, 0x00, 0x02, 0x00)],
    ["an unknown bulk operation", Status.UpdateMalformed, code("setup", 0xfc, 12, 0, 0)],
    [
      "blocks too deep",
      Status.UpdateMalformed,
      code(
        "setup",
        ...Array<number[]>(300).fill([0x02, 0x40]).flat(),
        ...Array<number>(300).fill(END),
      ),
    ],
    ["a function that ends too early", Status.UpdateMalformed, code("setup", END)],
    ["a function that does not end", Status.UpdateMalformed, code("setup", 0x02, 0x40)],
    [
      "a number that is too long",
      Status.UpdateMalformed,
      code("setup", 0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a),
    ],
    ["too many locals", Status.UpdateMalformed, (spec) => void (spec.functions[4].locals = 5000)],
    ["a start section", Status.UpdateMalformed, add(SectionId.Start, 5)],
    [
      "memory of two pages",
      Status.UpdateMalformed,
      (spec) => void (spec.memory = { least: 2, most: 2 }),
    ],
    [
      "memory that may grow",
      Status.UpdateMalformed,
      (spec) => void (spec.memory = { least: 1, most: 2 }),
    ],
    [
      "memory that grows without bound",
      Status.UpdateMalformed,
      (spec) => {
        spec.memory = { least: 1 };
        code("setup", ...ONE, 0x40, 0x00, 0x1a)(spec);
      },
    ],
    ["no memory", Status.UpdateMalformed, (spec) => void delete spec.memory],
    ["no loop", Status.UpdateMalformed, (spec) => void delete spec.functions[5].name],
    [
      "another type of an export",
      Status.UpdateMalformed,
      (spec) => void (spec.functions[3].parameters = 2),
    ],
    [
      "a table of a million places",
      Status.UpdateMalformed,
      add(SectionId.Table, 1, 0x70, 0, 0xc0, 0x84, 0x3d),
    ],
    ["a global with code", Status.UpdateMalformed, add(SectionId.Global, 1, I32, 0, 0x23, 0, END)],
    ["sections in another order", Status.UpdateMalformed, add(SectionId.DataCount, 0)],
    [
      "an element that is no function",
      Status.UpdateMalformed,
      (spec) => {
        add(SectionId.Table, 1, 0x70, 0, 1)(spec);
        add(SectionId.Element, 1, 0, 0x41, 0, END, 1, 99)(spec);
      },
    ],
  ];

  test.each(cases)("%s", (_, status, change) => {
    const spec = plainApplication();
    change(spec);
    const device = readyDevice();
    const before = stateOf(device);
    expect(device.send(imageOf({}, moduleOf(spec)))).toBe(status);
    expect(stateOf(device)).toEqual(before);
  });

  const fine: [string, Partial<ManifestFields>, Change][] = [
    [
      "imports that are granted",
      { capabilities: 17 },
      (spec) => {
        imports("wboson", "publish", 7, 1)(spec);
        imports("board", "call", 5, 1)(spec);
      },
    ],
    [
      "two pages that are signed",
      { memoryKiB: 65 },
      (spec) => void (spec.memory = { least: 2, most: 2 }),
    ],
    [
      "memory that grows as far as signed",
      { memoryKiB: 128 },
      (spec) => {
        spec.memory = { least: 1, most: 2 };
        code("setup", ...ONE, 0x40, 0x00, 0x1a)(spec);
      },
    ],
    ["calls with fuel", {}, code("setup", ...CALL_FUEL, 0x10, 5)],
    ["a call of an import without fuel", {}, code("setup", ...ZERO, 0x1a, ...CALL_FUEL)],
    [
      "a table",
      {},
      (spec) => {
        add(SectionId.Table, 1, 0x70, 1, 2, 2)(spec);
        add(SectionId.Element, 1, 0, 0x41, 0, END, 2, 1, 2)(spec);
      },
    ],
    ["a jump table", {}, code("setup", 0x02, 0x40, ...ZERO, 0x0e, 2, 0, 0, 0, END)],
    ["a mutable global", {}, add(SectionId.Global, 1, I32, 1, ...ONE, END)],
  ];

  test.each(fine)("but taken with %s", (_, fields, change) => {
    const spec = plainApplication();
    change(spec);
    expect(readyDevice().send(imageOf(fields, moduleOf(spec)))).toBe(Status.Ok);
  });
});

test.each(
  hostileApplications().map(({ name, image: file, outcomes }) => ({ name, file, outcomes })),
)("hostile application: $name", ({ file, outcomes }) => {
  const device = new UpdateDevice();
  const status = device.send(file);
  const refusals = outcomes.flatMap((outcome) => {
    if (outcome === "runs") return [];
    if ("refused" in outcome) return [outcome.refused];
    // What no host could load, the core may have seen before.
    return outcome.stopped === Status.ApplicationInvalid ? [Status.UpdateMalformed] : [];
  });
  // What is not the core's to refuse is taken: the host stops it.
  const isOthers = outcomes.some((outcome) => outcome === "runs" || "stopped" in outcome);
  expect([...refusals, ...(isOthers ? [Status.Ok] : [])]).toContain(status);
});

describe("bytes at random", () => {
  test("modules with changed bytes: refused or taken, never a trap, never an end of steps", () => {
    const seeds = hostileApplications()
      .filter((_, i) => i % 8 === 0)
      .map(({ image: file }) => file);
    const bases = [applicationOf(300), ...seeds.map((file) => Buffer.from(file))];
    const device = new UpdateDevice();
    const statuses = new Set<number>();
    for (let seed = 1; seed <= 1500; seed++) {
      const random = new SeededRandom(seed);
      const base = bases[random.below(bases.length)];
      const changed = Buffer.from(mutate([base.subarray(8)], random));
      const file = signImage(
        { ...FIELDS, capabilities: 63, memoryKiB: 128 },
        changed,
        TEST_UPDATE_KEY,
      );
      statuses.add(device.send(file, { announceHash: false }));
      device.call("storeCancel", 1, Status.UpdateCancelled);
    }
    const expected = [
      Status.Ok,
      Status.UpdateMalformed,
      Status.UpdateImports,
      Status.UpdateUnmetered,
    ];
    expect(expected).toEqual(expect.arrayContaining([...statuses]));
    expect(statuses.size).toBeGreaterThan(2);
  });

  test("manifests with changed bytes are refused", () => {
    const device = new UpdateDevice();
    for (let seed = 1; seed <= 1500; seed++) {
      const random = new SeededRandom(seed);
      const head = Buffer.from(mutate([image.subarray(0, 200)], random));
      if (head.equals(image.subarray(0, 200))) continue;
      const file = Buffer.concat([head, image.subarray(200)]);
      expect(device.send(file, { announceHash: false })).toBeLessThan(0);
      device.call("storeCancel", 1, Status.UpdateCancelled);
    }
    expect(device.running).toBeUndefined();
  });
});
