// The core's look into application modules by itself, for tests.

import { HEAD, manifestBodyOffset, manifestDecode } from "../../assembly/update/manifest";
import { inspect, inspectBegin } from "../../assembly/update/inspect";

export function head(): usize {
  return HEAD;
}

/** @param length bytes at `head()` @param size bytes of the file @returns Status */
export function inspect_begin(length: i32, size: u32): i32 {
  const status = manifestDecode(length, size);
  if (status == 0) inspectBegin(0, manifestBodyOffset(), size);
  return status;
}

/** @returns 1: call again; Status */
export function inspect_step(): i32 {
  return inspect();
}
