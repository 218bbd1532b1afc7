// Whether firmware can be put together and compiled here.

import { testNeeding } from "../support/needs";

/** `test` where the source of WASM3 can be had. */
export const assemblyTest = (): jest.It =>
  testNeeding("putting together the boards' firmware", "wasm3");

/** `test` where there is, in addition, arm-none-eabi-gcc with its C library. */
export const crossCompilerTest = (): jest.It =>
  testNeeding("compiling the boards' firmware", "wasm3", "crossCompiler");
