// assembly/util/uptime.ts: a clock that does not wrap

import { equal, finish, section } from "../support/check";
import { uptime, uptimeAdvance } from "../../../../assembly/util/uptime";

section("from the first call on");
equal("before it", uptime() == 0 ? 1 : 0, 1);
equal("first", uptimeAdvance(0xfffffff0) == 1 ? 1 : 0, 1);
equal("over the wrap", uptimeAdvance(15) == 32 ? 1 : 0, 1);
equal("the same moment", uptimeAdvance(15) == 32 ? 1 : 0, 1);
equal("a long silence", uptimeAdvance(14) == 32 + 0xffffffff ? 1 : 0, 1);
equal("remembered", uptime() == 32 + 0xffffffff ? 1 : 0, 1);
finish();
