// Image areas as updates use them: flash of the host that is erased in steps and then written once.

import { UPDATE_STEP } from "../config";
import { WORKSPACE } from "../crypto/workspace";
import { sha256Update } from "../crypto/sha256";
import { ImageArea, halImageErase, halImageRead, halImageWrite } from "../hal";

export { ImageArea };

/** In place of an area: there is none. */
export const NO_AREA: i32 = 0xff;
/** Bytes that are read at a time, to where crypto works: free between two of its operations. */
export const READ_SIZE: i32 = 1024;
// @ts-ignore: decorator
@inline
export const READ_BUFFER: usize = WORKSPACE;

/** Bytes of an area; 0 when the host has none. */
export function areaCapacity(area: i32): u32 {
  return <u32>max(halImageErase(area, 0, 0), 0);
}

/** Erase UPDATE_STEP bytes, or up to the end of the area. @returns whether they are erased */
export function areaErase(area: i32, offset: u32): bool {
  const length = min(areaCapacity(area) - offset, <u32>UPDATE_STEP);
  return halImageErase(area, offset, length) > 0;
}

/** @param data [in] `length` bytes, 1 or more @returns whether they are written */
export function areaWrite(area: i32, offset: u32, data: usize, length: i32): bool {
  return halImageWrite(area, offset, data, length) == length;
}

/** @param output [out] `length` bytes @returns whether they were read */
export function areaRead(area: i32, offset: u32, output: usize, length: i32): bool {
  return halImageRead(area, offset, output, length) == length;
}

/**
 * The image in an area is complete: what was written outlives a power cut. Native firmware goes to
 * the platform.
 * @param body where its body begins @returns whether it is so
 */
export function areaComplete(area: i32, body: u32): bool {
  return halImageWrite(area, body, 0, 0) == 0;
}

/**
 * Hash part of an area.
 * @param state [in,out] SHA256_STATE_SIZE bytes
 * @param other [in,out] another state that hashes the same; 0: none
 * @param length 0...UPDATE_STEP
 * @returns whether all was read
 */
export function areaHash(state: usize, other: usize, area: i32, offset: u32, length: i32): bool {
  while (length > 0) {
    const size = min(length, READ_SIZE);
    if (!areaRead(area, offset, READ_BUFFER, size)) return false;
    sha256Update(state, READ_BUFFER, size);
    if (other) sha256Update(other, READ_BUFFER, size);
    offset += size;
    length -= size;
  }
  return true;
}
