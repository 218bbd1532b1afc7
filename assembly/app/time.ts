// `Time`: the wall clock of an application, from the cloud's time and the uptime since.

import { uptime } from "../util/uptime";
import { requestTime } from "./core";

/** Unix time at uptime 0, ms; 0 while unknown. */
let origin: u64 = 0;
let syncedAt: u64 = 0;
let isPending: bool = false;
let zoneSeconds: i32 = 0;

/** The cloud told the time. @param seconds since 1970-01-01 UTC */
export function setTime(seconds: u32): void {
  isPending = false;
  syncedAt = uptime();
  origin = <u64>seconds * 1000 - syncedAt;
}

/** Ask the cloud. @returns Status.Ok; Status.InvalidState while asking; Status.NoSpace */
export function syncTime(): i32 {
  const status = requestTime();
  if (status == 0) isPending = true;
  return status;
}

export function isTimePending(): bool {
  return isPending;
}

/** Uptime of the last answer, ms; 0 for none. */
export function timeSyncedAt(): u64 {
  return syncedAt;
}

/** Fields of a moment, by the proleptic Gregorian calendar (days from civil, March first). */
let year: i32 = 0;
let month: i32 = 0;
let day: i32 = 0;

function splitDate(seconds: u32): void {
  const days = seconds / 86400 + 719468;
  const era = days / 146097;
  const dayOfEra = days - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shifted = (5 * dayOfYear + 2) / 153;
  day = dayOfYear - (153 * shifted + 2) / 5 + 1;
  month = shifted < 10 ? shifted + 3 : shifted - 9;
  year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
}

// @ts-ignore: decorator
@inline
function pad(value: i32): string {
  return value.toString().padStart(2, "0");
}

export class Time {
  /** Seconds since 1970-01-01 UTC; 0 until the cloud has told the time. */
  static now(): u32 {
    return origin ? <u32>((origin + uptime()) / 1000) : 0;
  }

  static isValid(): bool {
    return origin != 0;
  }

  /** Set the clock without the cloud. @param seconds since 1970-01-01 UTC */
  static setTime(seconds: u32): void {
    setTime(seconds);
  }

  /** Set the offset from UTC, hours, -12...14. */
  static zone(hours: f32): void {
    zoneSeconds = <i32>(hours * 3600);
  }

  /** Seconds since 1970-01-01, local time. */
  static local(): u32 {
    return Time.now() + zoneSeconds;
  }

  static year(): i32 {
    splitDate(Time.local());
    return year;
  }

  /** 1...12 */
  static month(): i32 {
    splitDate(Time.local());
    return month;
  }

  /** 1...31 */
  static day(): i32 {
    splitDate(Time.local());
    return day;
  }

  /** 1 is Sunday. */
  static weekday(): i32 {
    return ((Time.local() / 86400 + 4) % 7) + 1;
  }

  static hour(): i32 {
    return (Time.local() / 3600) % 24;
  }

  static minute(): i32 {
    return (Time.local() / 60) % 60;
  }

  static second(): i32 {
    return Time.local() % 60;
  }

  /** Local time as ISO 8601, "2026-11-21T07:05:09+01:00"; with "Z" in UTC. */
  static format(): string {
    const local = Time.local();
    splitDate(local);
    const clock = pad((local / 3600) % 24) + ":" + pad((local / 60) % 60) + ":" + pad(local % 60);
    const date = year.toString() + "-" + pad(month) + "-" + pad(day) + "T" + clock;
    if (!zoneSeconds) return date + "Z";
    const offset = abs(zoneSeconds) / 60;
    return date + (zoneSeconds < 0 ? "-" : "+") + pad(offset / 60) + ":" + pad(offset % 60);
  }
}
