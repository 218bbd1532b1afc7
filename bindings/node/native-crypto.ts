// What this host answers to a module that asks for native crypto (assembly/crypto/native.ts): that it
// has none. The module then computes by itself, compiled by the engine, which is fast enough here.

import { Status } from "./abi";

/** The functions of namespace `crypto` that a module imports; none for most modules. */
export function withoutNativeCrypto(module: WebAssembly.Module): Record<string, () => number> {
  const names = WebAssembly.Module.imports(module)
    .filter(({ module: space }) => space === "crypto")
    .map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, () => Status.NotSupported]));
}
