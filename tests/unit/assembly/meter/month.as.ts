// assembly/meter/month.ts: each day of 200 years against counting

import { equal, finish, section } from "../support/check";
import { monthOf } from "../../../../assembly/meter/month";

function isLeap(year: i32): bool {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

function daysOf(year: i32, month: i32): i32 {
  if (month == 2) return isLeap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

section("every month from 1970 to 2105, its first and its last second");
let day: u32 = 0;
let number: u32 = 1;
let wrong = 0;
for (let year = 1970; year < 2106; year++) {
  for (let month = 1; month <= 12; month++) {
    const days: u32 = daysOf(year, month);
    if (monthOf(day * 86400) != number) wrong += 1;
    if (monthOf((day + days) * 86400 - 1) != number) wrong += 1;
    day += days;
    number += 1;
  }
}
equal("months that are wrong", wrong, 0);
equal("the epoch", monthOf(0), 1);
equal("November 2026", monthOf(1795244707), 683);
finish();
