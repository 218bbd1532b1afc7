// Modules that give the imports of namespace `crypto` what they should not, with each native crypto,
// under AddressSanitizer and UndefinedBehaviorSanitizer.

import { nativeTest } from "../support/native-build";
import type { NativeCrypto } from "../support/native-build";
import { G, encodePoint } from "../crypto/curve";
import { HostileHost, all } from "./hostile-host";
import { IMPORTS, RANGES, stub } from "./modules";

const MEMORY = 65536;
/** Where the modules have a private key, and a public key behind it. */
const KEY = 20000;
const POINT = KEY + 32;

/** The functions with what their arguments stand for: bytes at a pointer, or a length. */
const FUNCTIONS: Record<string, (number | "length")[]> = {
  p256_public_key: [65, 32],
  p256_validate: [65],
  p256_ecdh: [32, 32, 65],
  p256_verify: [65, 32, 64],
  sha256_compress: [32, 64],
  aes128_ccm8_seal: [8, "length", 16, 12, 0, "length"],
  aes128_ccm8_open: [8, "length", 16, 12, 0, "length"],
};

/** What each answers when all of its inputs are zeros. */
const ANSWERS: Record<NativeCrypto, Record<string, number>> = {
  mbedtls: {
    p256_public_key: -22,
    p256_validate: -21,
    p256_ecdh: -21,
    p256_verify: -23,
    sha256_compress: 0,
    aes128_ccm8_seal: 0,
    aes128_ccm8_open: -24,
  },
  none: Object.fromEntries(Object.keys(FUNCTIONS).map((name) => [name, -6])),
};

const imports = Object.entries(FUNCTIONS).map(
  ([name, parameters]) =>
    `(import "crypto" "${name}" (func $${name} (param${" i32".repeat(parameters.length)}) (result i32)))`,
);

/** Arguments that are fine: nothing but zeros, each range apart from the others. */
function goodArguments(name: string): number[] {
  return FUNCTIONS[name].map((size, index) => (size === "length" ? 0 : 1024 * (index + 1)));
}

/** Bytes in the text of a module. */
const escape = (bytes: Buffer): string => bytes.toString("hex").replace(/../g, "\\$&");

/** A module whose `start` makes a call; with `answer` it traps on any other. */
function calling(name: string, values: number[], answer?: number): string {
  const call = `(call $${name} ${values.map((value) => `(i32.const ${value})`).join(" ")})`;
  const check =
    answer === undefined
      ? `(drop ${call})`
      : `(if (i32.ne ${call} (i32.const ${answer})) (then (unreachable)))`;
  return stub({
    imports: `${IMPORTS} ${imports.join(" ")}`,
    bodies: { start: `${check} (i32.const 0)` },
    extra: `(data (i32.const ${KEY}) "${escape(Buffer.alloc(32, 1))}${escape(encodePoint(G!))}")`,
  });
}

/** Pointers that `size` bytes do not lie behind. */
function badPointers(size: number): number[] {
  const near = [MEMORY - size + 1, MEMORY - 1, -1, -size, -size + 1].filter(
    (at) => at < 0 || at + size > MEMORY,
  );
  return [...near, MEMORY + 1, 0x7fffffff, -0x80000000];
}

/** Calls with one thing wrong, by a name for each. */
function badCalls(name: string): Record<string, string> {
  const texts: Record<string, string> = {};
  const parameters = FUNCTIONS[name];
  const add = (changes: Record<number, number>): void => {
    const values = goodArguments(name).map((value, index) => changes[index] ?? value);
    texts[`${name}-${Object.keys(texts).length}`] = calling(name, values);
  };
  parameters.forEach((size, index) => {
    if (size === "length") return;
    for (const at of badPointers(size)) add({ [index]: at });
    if (parameters[index + 1] !== "length") return;
    for (const [at, length] of RANGES) add({ [index]: at, [index + 1]: length });
    // With the tag behind it: sums that wrap, and ends just beyond the memory.
    if (size === 0) return;
    for (const length of [-1, -7, -8, -9, MEMORY - 7]) add({ [index]: 0, [index + 1]: length });
    for (const at of [8, MEMORY - 8]) add({ [index]: at, [index + 1]: MEMORY - at - 7 });
  });
  return texts;
}

/** Calls that are odd but stay inside: at the end of memory, empty, as long as can be, overlapping. */
function oddCalls(name: string): Record<string, string> {
  const parameters = FUNCTIONS[name];
  const values = (choose: (size: number) => number, length: number): number[] =>
    parameters.map((size) => (size === "length" ? length : choose(size)));
  const whole = parameters.map((size, index) => {
    if (size !== "length") return 0;
    return MEMORY - (parameters[index - 1] as number);
  });
  return {
    [`${name}-end`]: calling(
      name,
      values((size) => MEMORY - size, 0),
    ),
    [`${name}-start`]: calling(
      name,
      values(() => 0, 0),
    ),
    [`${name}-overlap`]: calling(
      name,
      values((size) => 200 - (size >> 1), 100),
    ),
    [`${name}-whole`]: calling(name, whole),
  };
}

describe.each<NativeCrypto>(["mbedtls", "none"])("with %s", (crypto) => {
  const nativeOnly = nativeTest("hostile", crypto);
  const host = new HostileHost(crypto);
  afterAll(() => host.remove());

  nativeOnly("ranges outside of memory end the module", async () => {
    const texts = Object.assign({}, ...Object.keys(FUNCTIONS).map(badCalls)) as Record<
      string,
      string
    >;
    expect(Object.keys(texts).length).toBeGreaterThan(190);
    expect(await host.outcomes("ranges", texts)).toEqual(all(Object.keys(texts), "HostArgument"));
  });

  nativeOnly("odd ranges inside of it do no harm", async () => {
    const texts = Object.assign({}, ...Object.keys(FUNCTIONS).map(oddCalls)) as Record<
      string,
      string
    >;
    expect(await host.outcomes("odd", texts)).toEqual(all(Object.keys(texts), "Ok"));
  });

  nativeOnly("results may overwrite what they are made from", async () => {
    const done = crypto === "mbedtls" ? 0 : ANSWERS.none.p256_ecdh;
    const texts: Record<string, string> = {};
    for (const by of [-64, -31, -1, 0, 1, 31, 64]) {
      texts[`key${by}`] = calling("p256_public_key", [KEY + by, KEY], done);
      texts[`shared${by}`] = calling("p256_ecdh", [KEY + by, KEY, POINT], done);
      texts[`state${by}`] = calling("sha256_compress", [KEY + by, KEY], done);
      texts[`seal${by}`] = calling("aes128_ccm8_seal", [KEY + by, 40, KEY, KEY, KEY, 50], done);
    }
    expect(await host.outcomes("overwrite", texts)).toEqual(all(Object.keys(texts), "Ok"));
  });

  nativeOnly("zeros are answered as they should be", async () => {
    const texts = Object.fromEntries(
      Object.keys(FUNCTIONS).map((name) => [
        name,
        calling(name, goodArguments(name), ANSWERS[crypto][name]),
      ]),
    );
    expect(await host.outcomes("zeros", texts)).toEqual(all(Object.keys(texts), "Ok"));
    const wrong = calling("p256_validate", [1024], 0);
    expect(await host.outcomes("wrong", { wrong })).toEqual({ wrong: "Trap" });
  });

  nativeOnly("other functions, types and namespaces are refused", async () => {
    const importing = (text: string): string => stub({ imports: text });
    const texts = {
      unknown: importing('(import "crypto" "p256_sign" (func (param i32 i32 i32) (result i32)))'),
      namespace: importing('(import "hal" "p256_validate" (func (param i32) (result i32)))'),
      type: importing('(import "crypto" "p256_validate" (func (param i64) (result i32)))'),
      result: importing('(import "crypto" "p256_validate" (func (param i32)))'),
    };
    expect(await host.outcomes("imports", texts)).toEqual(all(Object.keys(texts), "Import"));
  });
});
