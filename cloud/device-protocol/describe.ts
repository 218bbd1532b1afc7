// Describe: functions and variables (JSON), system modules (protobuf) and metrics (binary) of a device.
// The device posts them to /d?<type>, in blocks when they are long; the cloud may also ask with GET /d?<type>.

import { DecodeError } from "../bytes";
import { CoapCode, CoapOptionNumber } from "../coap/codec";
import type { CoapOption } from "../coap/codec";
import { blockOption } from "../coap/block";
import type { Block } from "../coap/block";
import type { OutgoingMessage } from "../coap/message-layer";
import { decodeProtobuf } from "./protobuf";

/** A raw byte in Uri-Query. Other values and sums of these make a genuine device drop the connection. */
export enum DescribeType {
  System = 1,
  Application = 2,
  Metrics = 4,
}

/** Variable types as numbers in the application describe. */
export enum VariableType {
  Boolean = 1,
  Integer = 2,
  String = 4,
  Double = 9,
}

export interface ApplicationDescribe {
  functions: string[];
  variables: Record<string, VariableType>;
}

/** What the cloud reads of `particle.cloud.SystemDescribe`. */
export interface SystemDescribe {
  modules: FirmwareModule[];
  imei?: string;
  iccid?: string;
  modemFirmwareVersion?: string;
}

export interface FirmwareModule {
  type: number;
  index: number;
  version: number;
  store: number;
  maxSize: number;
  size: number;
  hash?: string;
  dependencies: { type: number; index: number; version: number }[];
}

/** One diagnostic source: its number and its signed 32-bit value or error. */
export interface Metric {
  id: number;
  value?: number;
  error?: number;
}

/** Decode `{"f":["name"],"v":{"name":type}}`. @throws DecodeError */
export function decodeApplicationDescribe(payload: Uint8Array): ApplicationDescribe {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    throw new DecodeError("describe is not JSON");
  }
  const { f = [], v = {} } = (json ?? {}) as { f?: unknown; v?: unknown };
  if (!Array.isArray(f) || !f.every((name) => typeof name === "string")) {
    throw new DecodeError('describe: "f" is no list of names');
  }
  if (typeof v !== "object" || v === null) throw new DecodeError('describe: "v" is no object');
  const variables = new Map<string, VariableType>();
  for (const [name, type] of Object.entries(v)) {
    if (!(Number(type) in VariableType)) throw new DecodeError(`variable type ${String(type)}`);
    variables.set(name, Number(type));
  }
  return { functions: f as string[], variables: Object.fromEntries(variables) };
}

/** Decode the fields of a SystemDescribe that the cloud shows; unknown ones are skipped. @throws DecodeError */
export function decodeSystemDescribe(payload: Uint8Array): SystemDescribe {
  const fields = decodeProtobuf(payload);
  return {
    modules: fields.messages(1).map((module) => ({
      type: module.uint(1),
      index: module.uint(2),
      version: module.uint(3),
      store: module.uint(4),
      maxSize: module.uint(5),
      size: module.uint(11),
      hash: module.bytes(8)?.toString("hex"),
      dependencies: module.messages(9).map((dependency) => ({
        type: dependency.uint(1),
        index: dependency.uint(2),
        version: dependency.uint(3),
      })),
    })),
    imei: fields.bytes(2)?.toString("utf8"),
    iccid: fields.bytes(3)?.toString("utf8"),
    modemFirmwareVersion: fields.bytes(4)?.toString("utf8"),
  };
}

/**
 * Decode metrics: 0 | header length 2 | id size 2 | value size 2 | {id 2, value 4}..., all little-endian.
 * Bit 15 of an id marks an error in place of the value. @throws DecodeError
 */
export function decodeMetrics(payload: Uint8Array): Metric[] {
  const data = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (data.length < 7 || data[0] !== 0) throw new DecodeError("metrics without a header");
  if (data.readUInt16LE(3) !== 2 || data.readUInt16LE(5) !== 4) {
    throw new DecodeError("unknown sizes of metrics");
  }
  const start = 3 + data.readUInt16LE(1);
  if (start > data.length || (data.length - start) % 6 !== 0) {
    throw new DecodeError("metrics incomplete");
  }
  const metrics: Metric[] = [];
  for (let at = start; at < data.length; at += 6) {
    const id = data.readUInt16LE(at);
    const value = data.readInt32LE(at + 2);
    metrics.push(id & 0x8000 ? { id: id & 0x7fff, error: value } : { id, value });
  }
  return metrics;
}

/** GET /d?<type>, for one block of the answer when `block` is given. */
export function encodeDescribeRequest(type: DescribeType, block?: Block): OutgoingMessage {
  const options: CoapOption[] = [
    { number: CoapOptionNumber.UriPath, value: Buffer.from("d") },
    { number: CoapOptionNumber.UriQuery, value: Buffer.of(type) },
  ];
  if (block) options.push(blockOption(CoapOptionNumber.Block2, block));
  return { code: CoapCode.Get, options };
}

/** A describe that arrives in blocks. Each block has a token of its own and no tag: they are told by their number. */
export class DescribeReassembly {
  private readonly blocks: Buffer[] = [];

  /** Bytes that all blocks of one describe may have together. */
  static readonly MAX_LENGTH = 65536;

  /**
   * Add a block. Number 0 starts anew; a block that was seen already is ignored.
   * @returns the whole payload after the last one
   * @throws DecodeError when a block is missing in between or it grows above 64 KiB
   */
  add(block: Block, payload: Buffer): Buffer | undefined {
    if (block.number === 0) this.blocks.length = 0;
    if (block.number < this.blocks.length) return undefined;
    if (block.number > this.blocks.length) throw new DecodeError("a block is missing");
    this.blocks.push(payload);
    const length = this.blocks.reduce((sum, part) => sum + part.length, 0);
    if (length > DescribeReassembly.MAX_LENGTH) throw new DecodeError("describe too long");
    if (block.more) return undefined;
    return Buffer.concat(this.blocks.splice(0));
  }
}
