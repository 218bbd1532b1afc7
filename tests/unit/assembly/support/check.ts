// Checks for unit tests in AssemblyScript. A test file is a WASI command: its top-level code runs
// the checks and ends with finish(). Each check prints one line, `ok NAME` or `not ok NAME`.

let prefix = "";
let passed = 0;
let failed = 0;

/** Put `name` in front of the names of the checks that follow; "" for none. */
export function section(name: string): void {
  prefix = name.length > 0 ? name + ": " : "";
}

/** Record one check. `ok` is i32, because literals compared for a `bool` parameter become bools. */
export function check(name: string, ok: i32): void {
  record(name, ok != 0, "");
}

/** Record whether two integers are equal. */
export function equal(name: string, actual: i64, expected: i64): void {
  record(
    name,
    actual == expected,
    "got " + actual.toString() + ", expected " + expected.toString(),
  );
}

/**
 * Record whether memory holds the expected bytes.
 * @param actual [in] as many bytes as `expectedHex` gives
 * @param expectedHex hexadecimal digits; blanks and line ends are skipped
 */
export function equalBytes(name: string, actual: usize, expectedHex: string): void {
  const expected = decodeHex(expectedHex);
  const length = expected.length;
  let same = true;
  for (let i = 0; i < length; i++) {
    if (load<u8>(actual + i) != expected[i]) same = false;
  }
  record(
    name,
    same,
    same ? "" : "got " + hex(actual, length) + ", expected " + hex(expected.dataStart, length),
  );
}

/**
 * Copy bytes to memory that stays allocated until the test ends.
 * @param hex hexadecimal digits; blanks and line ends are skipped
 * @returns address of the first byte
 */
export function bytes(hex: string): usize {
  const decoded = decodeHex(hex);
  const at = heap.alloc(decoded.length);
  memory.copy(at, decoded.dataStart, decoded.length);
  return at;
}

/** Hexadecimal digits of `length` bytes. */
export function hex(at: usize, length: i32): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    const value = load<u8>(at + i);
    text += String.fromCharCode(digit(value >> 4)) + String.fromCharCode(digit(value & 15));
  }
  return text;
}

/** Print the totals, and end the program with exit code 1 if a check failed. Call it last. */
export function finish(): void {
  print(passed.toString() + " passed, " + failed.toString() + " failed");
  if (failed > 0) process.exit(1);
}

/** Print one line on the standard output. */
export function print(line: string): void {
  process.stdout.write(line + "\n");
}

function record(name: string, ok: bool, detail: string): void {
  if (ok) {
    passed++;
    print("ok " + prefix + name);
  } else {
    failed++;
    print("not ok " + prefix + name + (detail.length > 0 ? " (" + detail + ")" : ""));
  }
}

function decodeHex(text: string): Uint8Array {
  const decoded = new Uint8Array(text.length / 2);
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20) continue;
    const index = digits >> 1;
    decoded[index] = <u8>((decoded[index] << 4) | nibble(code));
    digits++;
  }
  assert((digits & 1) == 0, "an odd number of hexadecimal digits");
  return decoded.subarray(0, digits >> 1);
}

function nibble(code: i32): i32 {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  assert(lower >= 0x61 && lower <= 0x66, "not a hexadecimal digit");
  return lower - 0x61 + 10;
}

function digit(value: i32): i32 {
  return value < 10 ? 0x30 + value : 0x61 + value - 10;
}
