// assembly/queue/pacing.ts: the token bucket

import { equal, finish, section } from "../support/check";
import { pacingTake, pacingWait, setPacing } from "../../../../assembly/queue/pacing";
import { Status } from "../../../../assembly/status";

/** Publishes that go at `now`. */
function burstAt(now: u32): i32 {
  let count = 0;
  while (pacingWait(now) == 0 && count < 1000) {
    pacingTake();
    count += 1;
  }
  return count;
}

section("four at once, then one a second");
const start: u32 = 0xfffff000;
equal("full at the start", burstAt(start), 4);
equal("wait", pacingWait(start), 1000);
equal("half a second later", pacingWait(start + 500), 500);
equal("just before", burstAt(start + 999), 0);
equal("one", burstAt(start + 1000), 1);
equal("over the wrap of the clock", burstAt(start + 4000), 3);
equal("never more than four", burstAt(start + 1000000), 4);

section("as it is set");
equal("set", setPacing(2, 100), Status.Ok);
equal("full", burstAt(0), 2);
equal("next", pacingWait(30), 70);
equal("off", setPacing(1, 0), Status.Ok);
equal("no end", burstAt(31), 1000);
equal("none at once", setPacing(0, 1), Status.InvalidArgument);
equal("too many", setPacing(256, 1), Status.InvalidArgument);
equal("negative", setPacing(1, -1), Status.InvalidArgument);
equal("longer than an hour", setPacing(1, 3600001), Status.InvalidArgument);
finish();
