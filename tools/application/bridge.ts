// The imports that an application module may have: the bridge to the core, and the board. Each has a
// signature and, if it does anything, a capability that the manifest must grant.

import type { FunctionType, Import, Section } from "./wasm-reader";
import { ExternalKind, ModuleError, importsOf, signatureOf, typesOf } from "./wasm-reader";

/** What an application may do; bits of the manifest. */
export enum Capability {
  Publish = 1,
  Subscribe = 2,
  /** Functions and variables. */
  Register = 4,
  /** Connect, disconnect, sleep, keepalive. */
  Connection = 8,
  /** Pins and buses. */
  Board = 16,
  Random = 32,
}

interface BridgeFunction {
  signature: string;
  /** 0: needs none. */
  capability: Capability | 0;
}

const i32s = (parameters: number, results: number): string =>
  signatureOf({
    parameters: Array<string>(parameters).fill("i32"),
    results: Array<string>(results).fill("i32"),
  });

/** By "module.name". */
export const BRIDGE: Readonly<Record<string, BridgeFunction>> = {
  "wboson.fuel": { signature: i32s(0, 0), capability: 0 },
  "wboson.log": { signature: i32s(3, 0), capability: 0 },
  "wboson.publish": { signature: i32s(7, 1), capability: Capability.Publish },
  "wboson.register_function": { signature: i32s(2, 1), capability: Capability.Register },
  "wboson.register_variable": { signature: i32s(3, 1), capability: Capability.Register },
  "wboson.subscribe": { signature: i32s(3, 1), capability: Capability.Subscribe },
  "wboson.random": { signature: i32s(2, 1), capability: Capability.Random },
  "wboson.device_id": { signature: i32s(1, 1), capability: 0 },
  "wboson.get": { signature: i32s(1, 1), capability: 0 },
  "wboson.control": { signature: i32s(3, 1), capability: Capability.Connection },
  "wboson.queue": { signature: i32s(3, 1), capability: Capability.Publish },
  "wboson.update": { signature: i32s(2, 1), capability: 0 },
  "board.call": { signature: i32s(5, 1), capability: Capability.Board },
};

/** The capability of one import. @throws ModuleError when no host offers it */
function capabilityOf(imported: Import, types: readonly FunctionType[]): number {
  const name = `${imported.module}.${imported.name}`;
  const known = Object.hasOwn(BRIDGE, name) ? BRIDGE[name] : undefined;
  const type = types[imported.type];
  if (!known || imported.kind !== ExternalKind.Function || !type) {
    throw new ModuleError(`imports ${name}, which no host gives to an application`);
  }
  const signature = signatureOf(type);
  if (signature !== known.signature) {
    throw new ModuleError(`imports ${name} as ${signature}; it is ${known.signature}`);
  }
  return known.capability;
}

/**
 * The capabilities that the imports of a module need.
 * @returns Capability bits
 * @throws ModuleError for an import that no host gives
 */
export function capabilitiesOf(sections: readonly Section[]): number {
  const types = typesOf(sections);
  return importsOf(sections).reduce((bits, entry) => bits | capabilityOf(entry, types), 0);
}

/** Names of capabilities, for people. */
export function capabilityNames(bits: number): string[] {
  const known: Capability[] = [
    ...[Capability.Publish, Capability.Subscribe, Capability.Register],
    ...[Capability.Connection, Capability.Board, Capability.Random],
  ];
  return known.filter((bit) => bits & bit).map((bit) => Capability[bit].toLowerCase());
}
