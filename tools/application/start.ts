// Module variables that are no constants need code before anything else. A start section is refused by
// the core, because nothing would meter it; so the compiler exports that code, guarded to run once, and
// here the first function that a host calls gets a call of it.

import { Opcode, scanBody } from "./instructions";
import {
  ModuleError,
  Reader,
  SectionId,
  bodiesOf,
  encodeBodies,
  exportIndexOf,
  importedFunctionsOf,
  leb128,
  withoutExport,
} from "./wasm-reader";
import type { Section } from "./wasm-reader";

/**
 * Let function `caller` begin with a call of function `start`, which is no longer exported.
 * @param caller name of an export of the module
 * @param start name of an export of the module: () -> ()
 * @throws ModuleError
 */
export function withStartIn(
  sections: readonly Section[],
  caller: string,
  start: string,
): Section[] {
  const callee = exportIndexOf(sections, start);
  if (callee < 0) return [...sections];
  const bodies = bodiesOf(sections);
  const number = exportIndexOf(sections, caller) - importedFunctionsOf(sections);
  const body = bodies[number];
  if (!body) throw new ModuleError(`${caller}() is missing`);
  const { start: at } = scanBody(new Reader(body));
  const call = Buffer.concat([Buffer.from([Opcode.Call]), leb128(callee)]);
  bodies[number] = Buffer.concat([body.subarray(0, at), call, body.subarray(at)]);
  return withoutExport(sections, start).map((section) =>
    section.id === SectionId.Code ? { id: section.id, content: encodeBodies(bodies) } : section,
  );
}
