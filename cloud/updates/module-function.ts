// What a file replaces, as a device wants it announced: a number of the system description.

/** An application beside the core, or a command to it. */
const USER_PART = 5;
/** A whole native firmware. */
const MONOLITHIC = 3;

/** "\0asm", version 1, then a custom section (id 0). */
const WASM_CUSTOM = Buffer.from("0061736d0100000000", "hex");
const SECTION_NAME = Buffer.from("\x06wboson", "latin1");
/** Of the second byte of a manifest. */
const KIND_FIRMWARE = 2;

/** @returns undefined for a file that is no image of this project: devices then look into it themselves */
export function moduleFunctionOf(file: Buffer): number | undefined {
  if (!file.subarray(0, WASM_CUSTOM.length).equals(WASM_CUSTOM)) return undefined;
  let at = WASM_CUSTOM.length;
  // The length of the section, LEB128.
  while (at < file.length && at < WASM_CUSTOM.length + 4 && file[at] & 0x80) at++;
  const name = file.subarray(at + 1, at + 1 + SECTION_NAME.length);
  if (!name.equals(SECTION_NAME)) return undefined;
  const kind = file[at + 1 + SECTION_NAME.length + 1];
  return kind === KIND_FIRMWARE ? MONOLITHIC : USER_PART;
}
