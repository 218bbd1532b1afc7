// Contents of the three Describe types: system (protobuf), application (JSON) and metrics (binary).
// They are generated anew for each block into a window of the whole, so that a Describe of any
// length needs no buffer; length and checksum come from a run with an empty window.

import { outboxRetransmitted, outboxTransmitted, outboxUnacknowledged } from "../coap/outbox";
import { OTA } from "../config";
import { crc32 } from "../util/crc32";
import { roundTrip } from "../util/round-trip";
import { writeU8 } from "../util/writer";
import { getProductVersion, getSystemVersion } from "./identity";
import { MODULE_HASH_SIZE, ModuleStore, moduleHash, moduleSize, moduleVersion } from "./modules";
import { DescribeType } from "./protocol";
import {
  RegistryKind,
  registryDetail,
  registryName,
  registryNameLength,
  registryOpen,
} from "./registry";

const BYTE: usize = memory.data(1, 1);

let position: i32 = 0;
let windowStart: i32 = 0;
let windowEnd: i32 = 0;
let checksum: u32 = 0;
let uptimeSeconds: u32 = 0;

function emit(byte: u32): void {
  store<u8>(BYTE, byte);
  checksum = crc32(checksum, BYTE, 1);
  if (position >= windowStart && position < windowEnd) writeU8(byte);
  position += 1;
}

/**
 * Generate a description; the bytes `from` up to `to` (exclusive) go to the open writer.
 * @param type DescribeType
 * @returns length of the whole description, bytes
 */
export function describe(type: i32, from: i32, to: i32, now: u32): i32 {
  position = 0;
  windowStart = from;
  windowEnd = to;
  checksum = 0;
  uptimeSeconds = now / 1000;
  if (type == DescribeType.System) describeSystem();
  else if (type == DescribeType.Application) describeApplication();
  else describeMetrics();
  return position;
}

/** CRC-32 of the description generated last; never 0, which means "none". */
export function describeChecksum(): u32 {
  return checksum ? checksum : 1;
}

// ---- application: {"f":["name",...],"v":{"name":type,...}} ------------------------------------

const HEX: u32 = 0x30;

function emitHexDigit(nibble: u32): void {
  emit(nibble < 10 ? HEX + nibble : 0x57 + nibble);
}

/** The current registry entry's name as a JSON string (RFC 8259 §7). */
function emitName(): void {
  const name = registryName();
  emit(0x22);
  for (let i = 0; i < registryNameLength(); i++) {
    const c = <u32>load<u8>(name + i);
    if (c < 0x20) {
      emit(0x5c);
      emit(0x75);
      emit(0x30);
      emit(0x30);
      emitHexDigit(c >>> 4);
      emitHexDigit(c & 15);
      continue;
    }
    if (c == 0x22 || c == 0x5c) emit(0x5c);
    emit(c);
  }
  emit(0x22);
}

/** `{"f":[` and the like: a punctuation, a quoted letter, a colon, a bracket. */
function emitKey(before: u32, letter: u32, bracket: u32): void {
  emit(before);
  emit(0x22);
  emit(letter);
  emit(0x22);
  emit(0x3a);
  emit(bracket);
}

function describeApplication(): void {
  emitKey(0x7b, 0x66, 0x5b);
  for (let i = 0; registryOpen(RegistryKind.Function, i); i++) {
    if (i) emit(0x2c);
    emitName();
  }
  emit(0x5d);
  emitKey(0x2c, 0x76, 0x7b);
  for (let i = 0; registryOpen(RegistryKind.Variable, i); i++) {
    if (i) emit(0x2c);
    emitName();
    emit(0x3a);
    emit(0x30 + registryDetail());
  }
  emit(0x7d);
  emit(0x7d);
}

// ---- system: protobuf SystemDescribe { repeated FirmwareModule firmware_modules = 1 } -----------

const MODULE_SYSTEM_PART: u32 = 4;
const MODULE_USER_PART: u32 = 5;
/** Integrity, dependencies, range, platform. */
const MODULE_CHECKS: u32 = 0x1e;
/** Everything but the version: two varint fields before it, two fixed32 fields after it. */
const MODULE_FIXED_LENGTH: i32 = 2 + 2 + 1 + 5 + 5;

function varintLength(value: u32): i32 {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

function emitVarint(value: u32): void {
  while (value >= 0x80) {
    emit((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  emit(value);
}

function emitFixed32(tag: u32, value: u32): void {
  emit(tag);
  for (let i = 0; i < 4; i++) {
    emit(value & 0xff);
    value >>>= 8;
  }
}

function emitModule(type: u32, version: u32): void {
  emit(0x0a);
  emitVarint(MODULE_FIXED_LENGTH + varintLength(version));
  emit(0x08); // type
  emitVarint(type);
  emit(0x10); // index
  emitVarint(1);
  emit(0x18); // version
  emitVarint(version);
  emitFixed32(0x35, MODULE_CHECKS); // checked_flags
  emitFixed32(0x3d, MODULE_CHECKS); // passed_flags
}

function describeSystem(): void {
  emitModule(MODULE_SYSTEM_PART, getSystemVersion());
  if (OTA) {
    if (moduleSize(ModuleStore.Main)) emitApplication(ModuleStore.Main);
    else emitModule(MODULE_USER_PART, getProductVersion());
    if (moduleSize(ModuleStore.Backup)) emitApplication(ModuleStore.Backup);
    return;
  }
  emitModule(MODULE_USER_PART, getProductVersion());
}

/** Of an application module, beside version and size: five varint fields, two fixed32, the hash. */
const APPLICATION_FIXED_LENGTH: i32 = 2 + 2 + 1 + 2 + 5 + 5 + 2 + MODULE_HASH_SIZE + 1;

/** Bytes of a varint of 32 bits. */
function longVarintLength(value: u32): i32 {
  let length = 1;
  while (value >= 0x80) {
    value >>>= 7;
    length += 1;
  }
  return length;
}

/** An application module with its store, SHA-256 and size. @param place ModuleStore */
function emitApplication(place: i32): void {
  const version = moduleVersion(place);
  const size = moduleSize(place);
  emit(0x0a);
  emitVarint(APPLICATION_FIXED_LENGTH + longVarintLength(version) + longVarintLength(size));
  emit(0x08); // type
  emitVarint(MODULE_USER_PART);
  emit(0x10); // index
  emitVarint(1);
  emit(0x18); // version
  emitVarint(version);
  emit(0x20); // store
  emitVarint(place);
  emitFixed32(0x35, MODULE_CHECKS); // checked_flags
  emitFixed32(0x3d, MODULE_CHECKS); // passed_flags
  emit(0x42); // hash
  emitVarint(MODULE_HASH_SIZE);
  const hash = moduleHash(place);
  for (let i = 0; i < MODULE_HASH_SIZE; i++) emit(load<u8>(hash + i));
  emit(0x58); // size
  emitVarint(size);
}

// ---- metrics: marker, type, sizes of id and value, then id and value pairs, little-endian -------

const enum Metric {
  Uptime = 6,
  Retransmissions = 21,
  Unacknowledged = 22,
  Transmissions = 23,
  RoundTrip = 31,
}

function emitU16Le(value: u32): void {
  emit(value & 0xff);
  emit((value >>> 8) & 0xff);
}

function emitMetric(id: u32, value: u32): void {
  emitU16Le(id);
  emitU16Le(value & 0xffff);
  emitU16Le(value >>> 16);
}

function describeMetrics(): void {
  emit(0); // binary form
  emitU16Le(DescribeType.Metrics);
  emitU16Le(2); // bytes of an id
  emitU16Le(4); // bytes of a value
  emitMetric(Metric.Uptime, uptimeSeconds);
  emitMetric(Metric.Retransmissions, outboxRetransmitted());
  emitMetric(Metric.Unacknowledged, outboxUnacknowledged());
  emitMetric(Metric.Transmissions, outboxTransmitted());
  if (roundTrip() >= 0) emitMetric(Metric.RoundTrip, roundTrip());
}
