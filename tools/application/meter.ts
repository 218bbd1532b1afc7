// Meters a module: puts `call $fuel` where an application could stay for long, because no host can
// interrupt it. That is the start of each loop's body, and of each function that calls another one of
// the module or calls indirectly. Works on the bytes, after the optimiser, which would move the calls.

import { BRIDGE } from "./bridge";
import { Opcode, scanBody } from "./instructions";
import type { Marks } from "./instructions";
import {
  ExternalKind,
  ModuleError,
  Reader,
  SectionId,
  bodiesOf,
  encodeBodies,
  encodeModule,
  importsOf,
  leb128,
  sectionOf,
  sectionsOf,
  signatureOf,
  typesOf,
} from "./wasm-reader";
import type { Import, Section } from "./wasm-reader";

const FUEL = { module: "wboson", name: "fuel" };
/** () -> () */
const FUEL_TYPE = Buffer.from("600000", "hex");

export interface Metered {
  module: Buffer;
  /** Calls that were put in. */
  calls: number;
}

/** How a module takes the import: where it is, and from which index on functions move up by one. */
interface Plan {
  fuel: number;
  /** Imported functions of before. */
  imported: number;
  /** 1 when the import is new, else 0. */
  shift: number;
}

const isFuel = ({ module, name }: Import): boolean => module === FUEL.module && name === FUEL.name;

function planOf(sections: readonly Section[]): Plan {
  const functions = importsOf(sections).filter(({ kind }) => kind === ExternalKind.Function);
  const imported = functions.length;
  const at = functions.findIndex(isFuel);
  if (at < 0) return { fuel: imported, imported, shift: 1 };
  const type = typesOf(sections)[functions[at].type];
  if (!type || signatureOf(type) !== BRIDGE["wboson.fuel"].signature) {
    throw new ModuleError("imports wboson.fuel with another signature");
  }
  return { fuel: at, imported, shift: 0 };
}

const moved = (index: number, { imported, shift }: Plan): number =>
  index < imported ? index : index + shift;

/** One function body with its calls of fuel. */
function meterBody(body: Uint8Array, plan: Plan): { bytes: Buffer; calls: number } {
  const marks = scanBody(new Reader(body));
  const fuel = Buffer.concat([Buffer.from([Opcode.Call]), leb128(plan.fuel)]);
  const wanted = placesOf(marks, plan).filter((at) => !callsFuelAt(marks, at, plan));
  const inserts = wanted.map((at) => ({ at, end: at, bytes: fuel }));
  const calls = marks.calls.map(({ at, end, index }) => ({
    at,
    end,
    bytes: Buffer.concat([Buffer.from([Opcode.Call]), leb128(moved(index, plan))]),
  }));
  // At one place the new call goes before the one that is there.
  const edits = [...inserts, ...calls].sort((a, b) => a.at - b.at || a.end - b.end);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const { at, end, bytes } of edits) {
    pieces.push(body.subarray(from, at), bytes);
    from = end;
  }
  return { bytes: Buffer.concat([...pieces, body.subarray(from)]), calls: wanted.length };
}

/** Where a body must call fuel. */
function placesOf({ start, loops, calls, callsIndirectly }: Marks, plan: Plan): number[] {
  const isLeaf = !callsIndirectly && calls.every(({ index }) => index < plan.imported);
  // A loop that begins the function has its own place behind the opcode.
  return isLeaf ? loops : [start, ...loops];
}

function callsFuelAt({ calls }: Marks, at: number, { fuel, shift }: Plan): boolean {
  return shift === 0 && calls.some((call) => call.at === at && call.index === fuel);
}

/** Content of the type section with () -> () in it, and its index. */
function withFuelType(sections: readonly Section[]): { content: Buffer; index: number } {
  const types = typesOf(sections);
  const content = sectionOf(sections, SectionId.Type) ?? Buffer.from([0]);
  const known = types.findIndex((type) => signatureOf(type) === BRIDGE["wboson.fuel"].signature);
  if (known >= 0) return { content: Buffer.from(content), index: known };
  const rest = content.subarray(leb128Length(content));
  return {
    content: Buffer.concat([leb128(types.length + 1), rest, FUEL_TYPE]),
    index: types.length,
  };
}

/** Bytes of the number at the start. */
function leb128Length(content: Uint8Array): number {
  const reader = new Reader(content);
  reader.u32();
  return reader.at;
}

function withFuelImport(sections: readonly Section[], type: number): Buffer {
  const content = sectionOf(sections, SectionId.Import) ?? Buffer.from([0]);
  const text = (value: string): Buffer => Buffer.concat([leb128(value.length), Buffer.from(value)]);
  const entry = [text(FUEL.module), text(FUEL.name), Buffer.from([0]), leb128(type)];
  const count = importsOf(sections).length;
  return Buffer.concat([leb128(count + 1), content.subarray(leb128Length(content)), ...entry]);
}

function movedExports(content: Uint8Array, plan: Plan): Buffer {
  const reader = new Reader(content);
  const entries = reader.list(() => {
    const from = reader.at;
    reader.text();
    const kind: ExternalKind = reader.byte();
    const head = content.subarray(from, reader.at);
    const index = reader.u32();
    return Buffer.concat([
      head,
      leb128(kind === ExternalKind.Function ? moved(index, plan) : index),
    ]);
  });
  return Buffer.concat([leb128(entries.length), ...entries]);
}

/** Element segments of the only kind that there is without reference types: table 0, at a constant. */
function movedElements(content: Uint8Array, plan: Plan): Buffer {
  const reader = new Reader(content);
  const segments = reader.list(() => {
    const from = reader.at;
    if (reader.u32() !== 0 || reader.byte() !== Opcode.I32Const) {
      throw new ModuleError("an element segment that is not at a constant of the table");
    }
    reader.skipSigned(32);
    if (reader.byte() !== Opcode.End) throw new ModuleError("an element segment at no constant");
    const head = content.subarray(from, reader.at);
    const indices = reader.list(() => leb128(moved(reader.u32(), plan)));
    return Buffer.concat([head, leb128(indices.length), ...indices]);
  });
  return Buffer.concat([leb128(segments.length), ...segments]);
}

/** Sections with the import of fuel in them, in the order of their ids. */
function withImport(sections: readonly Section[], plan: Plan): Section[] {
  if (!plan.shift) return [...sections];
  const type = withFuelType(sections);
  const changed = new Map<number, Buffer>([
    [SectionId.Type, type.content],
    [SectionId.Import, withFuelImport(sections, type.index)],
  ]);
  const exported = sectionOf(sections, SectionId.Export);
  if (exported) changed.set(SectionId.Export, movedExports(exported, plan));
  const elements = sectionOf(sections, SectionId.Element);
  if (elements) changed.set(SectionId.Element, movedElements(elements, plan));
  const kept = sections.filter(({ id }) => !changed.has(id));
  const result = [...kept, ...[...changed].map(([id, content]) => ({ id, content }))];
  return result.sort((a, b) => orderOf(a.id) - orderOf(b.id));
}

/** The data count stands before the code. */
function orderOf(id: number): number {
  return id === SectionId.DataCount ? SectionId.Code - 0.5 : id;
}

/**
 * Meter a module. Custom sections are left out: names and debugging information would be wrong. What
 * is metered already stays as it is.
 * @throws ModuleError for a start section, and for instructions that applications may not have
 */
export function meterModule(module: Uint8Array): Metered {
  const sections = sectionsOf(module).filter(({ id }) => id !== SectionId.Custom);
  if (sectionOf(sections, SectionId.Start)) {
    throw new ModuleError("has a start section");
  }
  const plan = planOf(sections);
  const bodies = bodiesOf(sections).map((body) => meterBody(body, plan));
  const code = encodeBodies(bodies.map(({ bytes }) => bytes));
  const calls = bodies.reduce((sum, body) => sum + body.calls, 0);
  if (calls === 0) return { module: encodeModule(sections), calls };
  const result = withImport(sections, plan).map(({ id, content }) =>
    id === SectionId.Code ? { id, content: code } : { id, content },
  );
  return { module: encodeModule(result), calls };
}

/** Whether a module has all the calls of fuel that a core asks for. @throws ModuleError */
export function isMetered(module: Uint8Array): boolean {
  return meterModule(module).calls === 0;
}
