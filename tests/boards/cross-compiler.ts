// Whether firmware can be put together and compiled here. Where it cannot, `test.skip`, and a line that
// says what is missing: such tests never pass in silence.

import { spawnSync } from "node:child_process";

import { projectRoot } from "../support/fixture";

function testUnless(missing: string | null, what: string): jest.It {
  if (missing === null) return test;
  process.stderr.write(`SKIPPED ${what} the boards' firmware: ${missing}\n`);
  return test.skip as unknown as jest.It;
}

function missingSource(): string | null {
  const script =
    'import { canGetWasm3 } from "./tools/setup-wasm3.mjs"; process.exitCode = canGetWasm3() ? 0 : 1;';
  const { status } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: projectRoot,
  });
  return status === 0 ? null : "no WASM3 source (cargo gets it)";
}

function missingCompiler(): string | null {
  const options = ["-mcpu=cortex-m3", "-mthumb", "--specs=nano.specs", "-E", "-x", "c++", "-"];
  const { error, status } = spawnSync("arm-none-eabi-gcc", options, {
    input: "#include <string.h>\n",
  });
  const packages = "(packages gcc-arm-none-eabi, libnewlib-arm-none-eabi)";
  if (error) return `no arm-none-eabi-gcc ${packages}`;
  return status === 0 ? null : `arm-none-eabi-gcc has no newlib ${packages}`;
}

/** `test` where the source of WASM3 can be had. */
export function assemblyTest(): jest.It {
  return testUnless(missingSource(), "putting together");
}

/** `test` where there is, in addition, arm-none-eabi-gcc with its C library. */
export function crossCompilerTest(): jest.It {
  return testUnless(missingSource() ?? missingCompiler(), "compiling");
}
