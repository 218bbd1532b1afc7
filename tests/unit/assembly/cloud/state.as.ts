// assembly/cloud/state.ts

import { check, equal, equalBytes, finish, section } from "../support/check";
import {
  STATE_SIZE,
  acknowledgeDescribe,
  acknowledgeHello,
  acknowledgeSubscriptions,
  areSubscriptionsAcknowledged,
  cloudState,
  isDescribeAcknowledged,
  isHelloAcknowledged,
  stateReset,
  stateTakeChanged,
} from "../../../../assembly/cloud/state";

const ZEROS = "00".repeat(24);

section("start");
stateReset();
equal("24 bytes", STATE_SIZE, 24);
equalBytes("nothing acknowledged", cloudState(), ZEROS);
check("no change", !stateTakeChanged());
check("Hello is not", !isHelloAcknowledged(1));
check("nor a description", !isDescribeAcknowledged(true, 1) && !isDescribeAcknowledged(false, 1));
check("nor subscriptions", !areSubscriptionsAcknowledged(1));
check("no subscriptions, checksum 0, need no message", areSubscriptionsAcknowledged(0));

section("fields");
acknowledgeHello(0x11111111);
acknowledgeDescribe(true, 0x22222222);
acknowledgeDescribe(false, 0x33333333);
acknowledgeSubscriptions(0x44444444);
const FILLED = "11111111 22222222 33333333 44444444 0000000000000000";
equalBytes("each has its place", cloudState(), FILLED);
check("Hello", isHelloAcknowledged(0x11111111));
check("and no other", !isHelloAcknowledged(0x22222222));
check("system", isDescribeAcknowledged(true, 0x22222222));
check("is not application", !isDescribeAcknowledged(false, 0x22222222));
check("application", isDescribeAcknowledged(false, 0x33333333));
check("subscriptions", areSubscriptionsAcknowledged(0x44444444));

section("changes");
check("one is told", stateTakeChanged());
check("once", !stateTakeChanged());
acknowledgeHello(0x11111111);
check("the same again is none", !stateTakeChanged());
acknowledgeHello(0x11111112);
check("another is", stateTakeChanged());
acknowledgeSubscriptions(0);
check("back to none is", stateTakeChanged());
acknowledgeDescribe(false, 0xffffffff);
stateReset();
check("a reset forgets it", !stateTakeChanged());
equalBytes("and everything else", cloudState(), ZEROS);

section("restored");
store<u32>(cloudState(), 0x55555555, 4);
check("what is copied in counts", isDescribeAcknowledged(true, 0x55555555));
check("and is no change", !stateTakeChanged());

finish();
