// What the device says of its updates, in builds with OTA: how large an image may be (Hello) and which
// application modules it holds (system Describe). Whoever reads the journal fills it; this file only
// keeps it.

/** Bytes of a SHA-256. */
export const MODULE_HASH_SIZE: i32 = 32;

/** Where a module is: values of `store` in FirmwareModule (cloud/describe.proto). */
export const enum ModuleStore {
  /** It runs. */
  Main = 0,
  /** It ran before, and is kept for a roll-back. */
  Backup = 2,
}

/** u32 version | u32 size | hash 32; a size of 0 is no module. */
const MODULE_SIZE: usize = 40;
/** The running module, then the one before it. */
// @ts-ignore: decorator
@lazy
const MODULES: usize = memory.data(80, 4);

let largestImage: u32 = 0;

function moduleAt(place: i32): usize {
  return MODULES + (place == ModuleStore.Main ? 0 : MODULE_SIZE);
}

/**
 * Say which module is in a place.
 * @param place ModuleStore
 * @param size bytes of the file
 * @param hash [in] SHA-256 of the file, 32 bytes; 0: there is none
 */
export function setModule(place: i32, version: u32, size: u32, hash: usize): void {
  const at = moduleAt(place);
  memory.fill(at, 0, MODULE_SIZE);
  if (!hash) return;
  store<u32>(at, version);
  store<u32>(at, size, 4);
  memory.copy(at + 8, hash, MODULE_HASH_SIZE);
}

/** Bytes of the module in a place; 0 when there is none. */
export function moduleSize(place: i32): u32 {
  return load<u32>(moduleAt(place), 4);
}

export function moduleVersion(place: i32): u32 {
  return load<u32>(moduleAt(place));
}

/** Its SHA-256, 32 bytes. */
export function moduleHash(place: i32): usize {
  return moduleAt(place) + 8;
}

/** Say how large an image may be, bytes; 0: the device takes no updates. */
export function setLargestImage(bytes: u32): void {
  largestImage = bytes;
}

export function getLargestImage(): u32 {
  return largestImage;
}
