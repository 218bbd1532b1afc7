// What the application allows: whether updates are taken at all, and whether one may be applied now.
// Both are its wishes while it runs; another application begins with both allowed.

import { updatesForced } from "../cloud/update-flags";

let enabled: bool = true;
let isOpen: bool = true;

export function permitUpdates(allowed: bool): void {
  enabled = allowed;
}

/** Whether the application wants updates. */
export function updatesEnabled(): bool {
  return enabled;
}

/** Whether updates are taken that are not signed as forced. */
export function updatesAllowed(): bool {
  return enabled || updatesForced();
}

/** @param open whether an update may be applied now */
export function setGate(open: bool): void {
  isOpen = open;
}

export function gateIsOpen(): bool {
  return isOpen;
}
