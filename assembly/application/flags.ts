// Whether the application wants updates, whether the server forces them, and whether one waits: told to the cloud when they change, and after a
// moment, so that an application that says at once what it wants causes one event, not two.

import { updatesForced } from "../cloud/update-flags";
import { NO_AREA } from "../update/area";
import { journal } from "../update/journal";
import { updatesEnabled } from "../update/permission";
import { isDue, untilDue } from "../util/clock";
import { noticeEnabled, noticeForced, noticePending } from "./notices";

/** How long a change must last to be told, ms. */
const SETTLE: i32 = 1000;

/** What the cloud believes of a device that has told nothing. */
let toldEnabled: bool = true;
let toldPending: bool = false;
let toldForced: bool = false;
let isSettling: bool = false;
let tellAt: u32 = 0;

/** Whether an update is complete and waits. */
export function isUpdatePending(): bool {
  return journal().pending != NO_AREA;
}

function differs(): bool {
  if (updatesEnabled() != toldEnabled || updatesForced() != toldForced) return true;
  return isUpdatePending() != toldPending;
}

/** Tell what has changed when it has lasted. */
export function flagsPoll(now: u32): void {
  if (!differs()) {
    isSettling = false;
  } else if (!isSettling) {
    isSettling = true;
    tellAt = now + SETTLE;
  } else if (isDue(tellAt, now)) {
    isSettling = false;
    tell();
  }
}

function tell(): void {
  if (updatesEnabled() != toldEnabled) {
    toldEnabled = updatesEnabled();
    noticeEnabled(toldEnabled);
  }
  if (updatesForced() != toldForced) {
    toldForced = updatesForced();
    noticeForced(toldForced);
  }
  if (isUpdatePending() != toldPending) {
    toldPending = isUpdatePending();
    noticePending(toldPending);
  }
}

/** @returns ms until `flagsPoll` has something to do; -1 never */
export function flagsPollTimeout(now: u32): i32 {
  if (!differs()) return -1;
  return isSettling ? untilDue(tellAt, now) : 0;
}
