// assembly/dtls/replay-window.ts: RFC 6347 §4.1.2.6

import { check, equal, finish, section } from "../support/check";
import {
  replayAccept,
  replayCheck,
  replayClose,
  replayReset,
  replayTop,
} from "../../../../assembly/dtls/replay-window";

/** Take a number as the record layer does. @returns whether it was new */
function take(number: u64): bool {
  if (!replayCheck(number)) return false;
  replayAccept(number);
  return true;
}

section("start");
replayReset();
equal("nothing received", replayTop(), 0);
check("0 is new", replayCheck(0));
check("checking marks nothing", replayCheck(0));
check("0 is taken", take(0));
check("once", !take(0));
equal("top stays 0", replayTop(), 0);
check("1 is taken", take(1));
check("0 still is not", !take(0));
replayReset();
check("starting with 1 is allowed", take(1));
check("0 may come after it", take(0));
check("neither again", !take(0) && !take(1));

section("order");
replayReset();
let refused = 0;
for (let n: u64 = 0; n < 200; n++) if (!take(n)) refused++;
equal("200 in order", refused, 0);
equal("top", replayTop(), 199);
let repeated = 0;
for (let n: u64 = 0; n < 200; n++) if (take(n)) repeated++;
equal("none of them again", repeated, 0);
replayReset();
take(63);
refused = 0;
for (let n = 62; n >= 0; n--) if (!take(<u64>n)) refused++;
equal("63 backwards", refused, 0);
repeated = 0;
for (let n: u64 = 0; n < 64; n++) if (take(n)) repeated++;
equal("none of these again", repeated, 0);

section("window");
replayReset();
take(100);
check("63 below the top is inside", replayCheck(37));
check("64 below the top is not", !replayCheck(36));
check("65 below is not", !replayCheck(35));
check("0 is not", !replayCheck(0));
check("the oldest is taken", take(37));
check("once", !take(37));
check("its neighbour is still new", take(38));
take(101);
check("it leaves the window", !replayCheck(37));
check("its neighbour is the oldest now, and known", !replayCheck(38));
check("the next is new", take(39));

section("jumps");
replayReset();
take(10);
take(10 + 63);
check("63 ahead: the old top is the last of the window", !replayCheck(10));
check("11 is new", take(11));
replayReset();
take(10);
take(10 + 64);
check("64 ahead: the old top is outside", !replayCheck(10));
check("the window is empty but for its top", take(11) && !replayCheck(74));
replayReset();
take(10);
take(10 + 65);
check("65 ahead: 12 is the oldest", take(12));
check("11 is outside", !replayCheck(11));
replayReset();
take(5);
check("a thousand ahead", take(1005));
equal("is the top", replayTop(), 1005);
check("63 below it is new", take(942));
check("5 is far outside", !replayCheck(5));
check("6 too, although it never came", !replayCheck(6));

section("largest numbers");
replayReset();
check("2^48 - 1", take(0x0000ffffffffffff));
check("once", !take(0x0000ffffffffffff));
check("63 below", take(0x0000ffffffffffff - 63));
check("64 below", !take(0x0000ffffffffffff - 64));
replayReset();
take(0xffffffff);
check("across 2^32", take(0x100000000));
check("below it", !replayCheck(0xffffffff));
check("new ones below it", take(0xfffffffe));

section("close");
replayReset();
replayClose(50);
equal("top", replayTop(), 50);
repeated = 0;
for (let n: u64 = 0; n <= 50; n++) if (replayCheck(n)) repeated++;
equal("nothing up to it", repeated, 0);
check("the next is taken", take(51));
check("50 is still closed", !replayCheck(50));
check("after a jump too", take(110) && !replayCheck(50));
check("what was never closed is new", take(52));
replayClose(0);
check("close at 0 refuses 0", !replayCheck(0));
check("and takes 1", take(1));
replayReset();
check("a reset opens all", take(0));

finish();
