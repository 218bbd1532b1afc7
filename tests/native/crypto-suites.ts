// The tests of tests/crypto, on WASM3 and with native crypto.

import type * as CryptoModule from "../crypto/module";
import { buildNativeSync, nativeTest } from "../support/native-build";
import type { NativeCrypto } from "../support/native-build";
import { CryptoProcesses } from "./crypto-process";
import type { Counts } from "./crypto-process";

/** Files that use the functions for which there is native crypto, or keys that these leave alone. */
const SUITES = ["cbc", "ccm", "ecdsa", "hash", "p256", "wycheproof"];

/**
 * Declare the tests of tests/crypto for a native crypto; where it is missing, one that is skipped.
 * @param cases random cases, as a share of what tests/crypto runs in this process
 * @param after what must hold when they are done
 * @returns how to start further processes; undefined when skipped
 */
export function declareCryptoSuites(
  crypto: NativeCrypto,
  cases: number,
  after: (counts: Counts) => void,
): CryptoProcesses | undefined {
  const nativeOnly = nativeTest("crypto-process", crypto);
  if (nativeOnly !== test) {
    nativeOnly("the vectors of tests/crypto", () => undefined);
    return undefined;
  }
  const processes = new CryptoProcesses(buildNativeSync("crypto-process", { crypto }));
  process.env.WBOSON_CASES ??= String(cases);
  jest.doMock("../crypto/module", () => ({
    ...jest.requireActual<typeof CryptoModule>("../crypto/module"),
    Crypto: class {
      constructor() {
        return processes.start();
      }
    },
  }));
  for (const suite of SUITES) {
    describe(suite, () => void jest.requireActual(`../crypto/${suite}.test`));
  }
  test("who did the work", () => after(processes.counts()));
  afterAll(() => processes.close());
  return processes;
}
