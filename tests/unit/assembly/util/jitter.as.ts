// assembly/util/jitter.ts

import { check, equal, finish, section } from "../support/check";
import { nextJitter, seedJitter } from "../../../../assembly/util/jitter";

section("range");
const counts = new StaticArray<i32>(256);
let outside = 0;
for (let i = 0; i < 65536; i++) {
  const value = nextJitter();
  if (value > 255) outside++;
  else counts[value] = counts[value] + 1;
}
equal("no value above 255", outside, 0);
let fewest = i32.MAX_VALUE;
let most = 0;
for (let i = 0; i < 256; i++) {
  fewest = min(fewest, counts[i]);
  most = max(most, counts[i]);
}
check("every value comes, about equally often", fewest > 176 && most < 336);

section("sequence");
let same = 0;
let last = nextJitter();
for (let i = 0; i < 10000; i++) {
  const value = nextJitter();
  if (value == last) same++;
  last = value;
}
check("equal neighbours are as rare as by chance", same > 5 && same < 90);

/** The next four values as one number. */
function four(): u32 {
  let value: u32 = 0;
  for (let i = 0; i < 4; i++) value = (value << 8) | nextJitter();
  return value;
}

section("seed");
seedJitter(0x01020305);
const first = four();
seedJitter(0x01020305);
equal("the same seed gives the same values", four(), first);
seedJitter(0x71020305);
check("another seed gives others", four() != first);
seedJitter(0);
four();
four();
const zero = four();
check("seed 0 does not stand still", zero != 0 && four() != zero);
seedJitter(0xffffffff);
const ones = four();
check("seed 0xffffffff does not either", four() != ones);

finish();
