// assembly/util/clock.ts: order of times that wrap at 2^32 ms

import { check, equal, finish, section } from "../support/check";
import { earlier, isDue, untilDue } from "../../../../assembly/util/clock";

section("isDue");
check("at its time", isDue(1000, 1000));
check("1 ms later", isDue(1000, 1001));
check("not 1 ms earlier", !isDue(1000, 999));
check("at 0", isDue(0, 0));
check("not before the wrap for one after it", !isDue(5, 0xfffffff0));
check("after the wrap for one before it", isDue(0xfffffff0, 5));
check("at the wrap", isDue(0xffffffff, 0));
check("not at the wrap for 1 ms later", !isDue(0, 0xffffffff));
check("24.8 days later", isDue(1000, 1000 + 0x7fffffff));
check("more than half the range ahead counts as past", isDue(0x80000001, 0));
check("half of it ahead is to come", !isDue(0x80000000, 0));

section("untilDue");
equal("to come", untilDue(1500, 1000), 500);
equal("now", untilDue(1000, 1000), 0);
equal("past", untilDue(999, 1000), 0);
equal("across the wrap", untilDue(4, 0xfffffffc), 8);
equal("past across the wrap", untilDue(0xfffffffc, 4), 0);
equal("the longest wait", untilDue(0x7fffffff, 0), 0x7fffffff);

section("earlier");
equal("the first", earlier(5, 9), 5);
equal("the second", earlier(9, 5), 5);
equal("equal ones", earlier(7, 7), 7);
equal("none and a wait", earlier(-1, 9), 9);
equal("a wait and none", earlier(9, -1), 9);
equal("none and now", earlier(-1, 0), 0);
equal("now and none", earlier(0, -1), 0);
equal("none and none", earlier(-1, -1), -1);

finish();
