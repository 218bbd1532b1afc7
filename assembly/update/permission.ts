// What the application allows: whether updates are taken at all, and whether one may be applied now.
// Both are its wishes while it runs; another application begins with both allowed.

let enabled: bool = true;
let isOpen: bool = true;

export function permitUpdates(allowed: bool): void {
  enabled = allowed;
}

/** Whether updates are taken that are not signed as forced. */
export function updatesEnabled(): bool {
  return enabled;
}

/** @param open whether an update may be applied now */
export function setGate(open: bool): void {
  isOpen = open;
}

export function gateIsOpen(): bool {
  return isOpen;
}
