// Names of functions, variables and subscriptions in one arena, in the order of registration. An
// entry is u8 kind, u8 detail, u8 name length, u8 zero, name. Numbers count per kind from 0.

import {
  MAX_FUNCTIONS,
  MAX_NAME_LENGTH,
  MAX_SUBSCRIPTIONS,
  MAX_VARIABLES,
  REGISTRY_CAPACITY,
} from "../config";
import { Status } from "../status";
import { equalBytes } from "../util/bytes";

export const enum RegistryKind {
  Function = 1,
  /** detail: VariableType */
  Variable = 2,
  /** detail: SubscriptionContent */
  Subscription = 3,
}

const ENTRY_HEADER: i32 = 4;

const ARENA: usize = memory.data(2048, 4);
let used: i32 = 0;
let current: usize = 0;

function limitOf(kind: i32): i32 {
  if (kind == RegistryKind.Function) return MAX_FUNCTIONS;
  return kind == RegistryKind.Variable ? MAX_VARIABLES : MAX_SUBSCRIPTIONS;
}

/** Go to the first entry of `kind` at or after offset `at`. @returns its offset; -1 for none */
function seek(kind: i32, at: i32): i32 {
  while (at < used) {
    if (<i32>load<u8>(ARENA + at) == kind) return at;
    at += ENTRY_HEADER + <i32>load<u8>(ARENA + at + 2);
  }
  return -1;
}

function after(at: i32): i32 {
  return at + ENTRY_HEADER + <i32>load<u8>(ARENA + at + 2);
}

export function registryCount(kind: i32): i32 {
  let count = 0;
  for (let at = seek(kind, 0); at >= 0; at = seek(kind, after(at))) count += 1;
  return count;
}

/**
 * Number of a name.
 * @returns 0 or more; Status.NotFound. The entry becomes the current one.
 */
export function registryFind(kind: i32, name: usize, length: i32): i32 {
  let index = 0;
  for (let at = seek(kind, 0); at >= 0; at = seek(kind, after(at))) {
    current = ARENA + at;
    if (registryNameLength() == length && equalBytes(registryName(), name, length)) return index;
    index += 1;
  }
  return Status.NotFound;
}

/**
 * Add a name.
 * @param detail one byte that the kind defines
 * @param name [in] 1...64 bytes of UTF-8
 * @returns its number; Status.InvalidArgument (empty); Status.TooLong;
 *   Status.AlreadyRegistered; Status.NoSpace
 */
export function registryAdd(kind: i32, detail: u32, name: usize, length: i32): i32 {
  if (length < 1) return Status.InvalidArgument;
  if (length > MAX_NAME_LENGTH) return Status.TooLong;
  if (registryFind(kind, name, length) >= 0) return Status.AlreadyRegistered;
  const number = registryCount(kind);
  if (number >= limitOf(kind) || used + ENTRY_HEADER + length > REGISTRY_CAPACITY) {
    return Status.NoSpace;
  }
  const entry = ARENA + used;
  store<u8>(entry, kind);
  store<u8>(entry + 1, detail);
  store<u8>(entry + 2, length);
  store<u8>(entry + 3, 0);
  memory.copy(entry + ENTRY_HEADER, name, length);
  used += ENTRY_HEADER + length;
  return number;
}

/** What is registered so far, for `registryTrim`. */
export function registryMark(): i32 {
  return used;
}

/** Forget what was registered after a mark was taken. @returns whether there was anything */
export function registryTrim(mark: i32): bool {
  const isLess = mark < used;
  if (isLess) used = mark;
  return isLess;
}

/** Make entry `number` of a kind the current one. @returns whether it exists */
export function registryOpen(kind: i32, number: i32): bool {
  let index = 0;
  for (let at = seek(kind, 0); at >= 0; at = seek(kind, after(at))) {
    current = ARENA + at;
    if (index == number) return true;
    index += 1;
  }
  return false;
}

export function registryName(): usize {
  return current + ENTRY_HEADER;
}

export function registryNameLength(): i32 {
  return load<u8>(current + 2);
}

export function registryDetail(): u32 {
  return load<u8>(current + 1);
}
