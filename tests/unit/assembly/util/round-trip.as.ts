// assembly/util/round-trip.ts: an estimator after RFC 6298 §2, with floor and cap

import { check, equal, finish, section } from "../support/check";
import {
  retransmissionTimeout,
  roundTrip,
  roundTripRestore,
  roundTripSample,
} from "../../../../assembly/util/round-trip";

section("before the first sample");
equal("unknown", roundTrip(), -1);
equal("the floor", retransmissionTimeout(4000), 4000);
equal("another floor", retransmissionTimeout(2000), 2000);
equal("the cap, where the floor is above it", retransmissionTimeout(70000), 60000);

section("refused samples");
roundTripSample(-1);
equal("negative", roundTrip(), -1);
roundTripSample(60001);
equal("longer than the cap", roundTrip(), -1);
roundTripSample(i32.MIN_VALUE);
equal("clock that ran back", roundTrip(), -1);

section("first sample");
roundTripSample(800);
equal("is the round trip", roundTrip(), 800);
const firstTimeout = retransmissionTimeout(0);
check("with room for variation", firstTimeout > 800 && firstTimeout <= 2400);
equal("a floor above that", retransmissionTimeout(4000), 4000);

section("next samples");
roundTripSample(800);
equal("the same again keeps it", roundTrip(), 800);
const settled = retransmissionTimeout(0);
check("and narrows the variation", settled >= 800 && settled < firstTimeout);
roundTripSample(1600);
equal("a longer one counts an eighth", roundTrip(), 900);
const widened = retransmissionTimeout(0);
check("and widens it, by a quarter of what it was off", widened > settled + 400);
roundTripSample(100);
equal("a shorter one counts a half", roundTrip(), 500);
check("and widens nothing", retransmissionTimeout(0) < widened);

section("steady");
for (let i = 0; i < 200; i++) roundTripSample(5000);
check("comes near 5000 from below", roundTrip() > 4980 && roundTrip() <= 5000);
const slow = retransmissionTimeout(4000);
check("a slow network raises the timer", slow > 4980 && slow < 5100);
for (let i = 0; i < 200; i++) roundTripSample(100);
check("comes near 100 from above", roundTrip() >= 100 && roundTrip() < 120);
equal("a fast network does not go below the floor", retransmissionTimeout(4000), 4000);

section("limits");
roundTripRestore(60000);
equal("restored", roundTrip(), 60000);
equal("the cap", retransmissionTimeout(4000), 60000);
roundTripSample(60000);
equal("the longest sample counts", roundTrip(), 60000);
equal("still the cap", retransmissionTimeout(4000), 60000);
roundTripRestore(0);
equal("zero is a round trip", roundTrip(), 0);
equal("with no variation", retransmissionTimeout(0), 0);
roundTripSample(0);
equal("and a sample", roundTrip(), 0);

finish();
