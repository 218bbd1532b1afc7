// The public keys that updates are signed with: those that provisioning wrote, until a signed
// rotation puts others in their place.

import { WORKSPACE } from "../crypto/workspace";
import { StorageSlot, halStorageRead } from "../hal";
import { journal, journalKeys } from "./journal";

/** A public key without its leading byte: x, y. */
export const UPDATE_KEY_SIZE: i32 = 64;
const MAX_KEYS: i32 = 4;

/** Read the keys of provisioning. @returns how many, at WORKSPACE */
function readPinned(): i32 {
  const length = halStorageRead(StorageSlot.UpdateKeys, WORKSPACE, MAX_KEYS * UPDATE_KEY_SIZE);
  return length <= 0 || length % UPDATE_KEY_SIZE ? 0 : length / UPDATE_KEY_SIZE;
}

/** How many keys the device pins, 0...4. */
export function updateKeyCount(): i32 {
  return journal().keyCount ? <i32>journal().keyCount : readPinned();
}

/**
 * Take a key.
 * @param output [out] 65 bytes: 4, x, y
 * @returns whether there is one with this number
 */
export function updateKey(output: usize, number: i32): bool {
  if (number >= updateKeyCount()) return false;
  const keys = journal().keyCount ? journalKeys() : WORKSPACE;
  store<u8>(output, 4);
  memory.copy(output + 1, keys + <usize>(number * UPDATE_KEY_SIZE), UPDATE_KEY_SIZE);
  return true;
}
