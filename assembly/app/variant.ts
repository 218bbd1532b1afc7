// Variant: a value of the JSON model (and bytes), and its CBOR encoding (RFC 8949), the form in which
// structured event data travel: 65001, the vendor's "JSON model in CBOR".

import { decodeText, encodeText } from "./text";

const enum Kind {
  Null = 0,
  Bool = 1,
  Int = 2,
  Number = 3,
  String = 4,
  Bytes = 5,
  Array = 6,
  Map = 7,
}

/** Major types of CBOR (RFC 8949 §3.1). */
const enum Major {
  Unsigned = 0,
  Negative = 1,
  Bytes = 2,
  Text = 3,
  Array = 4,
  Map = 5,
  Simple = 7,
}

/** Arrays and maps inside each other. */
const DEPTH: i32 = 16;

export class Variant {
  private kind: i32 = Kind.Null;
  private integer: i64 = 0;
  private float: f64 = 0;
  private text: string = "";
  private data: Uint8Array | null = null;
  private items: Variant[] = [];
  private keys: string[] = [];

  static null(): Variant {
    return new Variant();
  }

  static bool(value: bool): Variant {
    const variant = new Variant();
    variant.kind = Kind.Bool;
    variant.integer = value ? 1 : 0;
    return variant;
  }

  static int(value: i64): Variant {
    const variant = new Variant();
    variant.kind = Kind.Int;
    variant.integer = value;
    return variant;
  }

  static number(value: f64): Variant {
    const variant = new Variant();
    variant.kind = Kind.Number;
    variant.float = value;
    return variant;
  }

  static string(value: string): Variant {
    const variant = new Variant();
    variant.kind = Kind.String;
    variant.text = value;
    return variant;
  }

  static bytes(value: Uint8Array): Variant {
    const variant = new Variant();
    variant.kind = Kind.Bytes;
    variant.data = value;
    return variant;
  }

  static array(): Variant {
    const variant = new Variant();
    variant.kind = Kind.Array;
    return variant;
  }

  static map(): Variant {
    const variant = new Variant();
    variant.kind = Kind.Map;
    return variant;
  }

  isNull(): bool {
    return this.kind == Kind.Null;
  }

  isArray(): bool {
    return this.kind == Kind.Array;
  }

  isMap(): bool {
    return this.kind == Kind.Map;
  }

  toBool(): bool {
    return this.kind == Kind.Number ? this.float != 0 : this.integer != 0;
  }

  toInt(): i64 {
    return this.kind == Kind.Number ? <i64>this.float : this.integer;
  }

  toNumber(): f64 {
    return this.kind == Kind.Number ? this.float : <f64>this.integer;
  }

  toString(): string {
    if (this.kind == Kind.String) return this.text;
    if (this.kind == Kind.Number) return this.float.toString();
    if (this.kind == Kind.Bool) return this.integer ? "true" : "false";
    return this.kind == Kind.Int ? this.integer.toString() : "";
  }

  toBytes(): Uint8Array {
    const data = this.data;
    return data ? data : new Uint8Array(0);
  }

  /** Items of an array, entries of a map. */
  size(): i32 {
    return this.items.length;
  }

  /** Item of an array; null beyond its end. */
  at(index: i32): Variant {
    return index >= 0 && index < this.items.length ? this.items[index] : Variant.null();
  }

  /** Entry of a map; null when there is none. */
  get(key: string): Variant {
    const index = this.keys.indexOf(key);
    return index < 0 ? Variant.null() : this.items[index];
  }

  has(key: string): bool {
    return this.keys.includes(key);
  }

  /** Append to an array. @returns this */
  push(value: Variant): Variant {
    this.items.push(value);
    return this;
  }

  /** Set an entry of a map. @returns this */
  set(key: string, value: Variant): Variant {
    const index = this.keys.indexOf(key);
    if (index < 0) {
      this.keys.push(key);
      this.items.push(value);
    } else {
      this.items[index] = value;
    }
    return this;
  }

  /** CBOR of the value: shortest lengths, floats in 4 bytes where that loses nothing. */
  encode(): Uint8Array {
    const output: u8[] = [];
    this.write(output);
    const bytes = new Uint8Array(output.length);
    for (let i = 0; i < output.length; i++) bytes[i] = output[i];
    return bytes;
  }

  private write(output: u8[]): void {
    switch (this.kind) {
      case Kind.Null:
        output.push(0xf6);
        break;
      case Kind.Bool:
        output.push(this.integer ? 0xf5 : 0xf4);
        break;
      case Kind.Int:
        if (this.integer >= 0) writeHead(output, Major.Unsigned, this.integer);
        else writeHead(output, Major.Negative, ~this.integer);
        break;
      case Kind.Number:
        writeFloat(output, this.float);
        break;
      case Kind.String:
        writeText(output, this.text);
        break;
      case Kind.Bytes: {
        const data = this.toBytes();
        writeHead(output, Major.Bytes, data.length);
        for (let i = 0; i < data.length; i++) output.push(data[i]);
        break;
      }
      default:
        writeHead(output, this.kind == Kind.Map ? Major.Map : Major.Array, this.items.length);
        for (let i = 0; i < this.items.length; i++) {
          if (this.kind == Kind.Map) writeText(output, this.keys[i]);
          this.items[i].write(output);
        }
    }
  }

  /**
   * Decode CBOR.
   * @param data [in] `length` bytes
   * @returns the value; null when it is malformed, goes on behind its end, nests deeper than 16, or
   *   holds what the JSON model does not (tags, indefinite lengths, keys that are no text)
   */
  static decode(data: usize, length: i32): Variant | null {
    at = data;
    end = data + length;
    const value = readValue(DEPTH);
    return at == end ? value : null;
  }
}

function writeHead(output: u8[], major: i32, value: u64): void {
  const first = major << 5;
  if (value < 24) {
    output.push(<u8>(first | (<i32>value)));
    return;
  }
  const exponent = value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 0x100000000 ? 2 : 3;
  output.push(<u8>(first | (24 + exponent)));
  for (let i = (1 << exponent) - 1; i >= 0; i--) output.push(<u8>(value >>> (8 * i)));
}

function writeText(output: u8[], text: string): void {
  const bytes = Uint8Array.wrap(encodeText(text));
  writeHead(output, Major.Text, bytes.length);
  for (let i = 0; i < bytes.length; i++) output.push(bytes[i]);
}

function writeFloat(output: u8[], value: f64): void {
  const isShort = <f64>(<f32>value) == value || value != value;
  output.push(isShort ? 0xfa : 0xfb);
  const bits: u64 = isShort ? <u64>reinterpret<u32>(<f32>value) : reinterpret<u64>(value);
  for (let i = isShort ? 3 : 7; i >= 0; i--) output.push(<u8>(bits >>> (8 * i)));
}

// ---- decoding -------------------------------------------------------------------------------

let at: usize = 0;
let end: usize = 0;

/** Big-endian number of `size` bytes, which are there. */
function readBytes(size: i32): u64 {
  let value: u64 = 0;
  for (let i = 0; i < size; i++) value = (value << 8) | (<u64>load<u8>(at + i));
  at += size;
  return value;
}

function readText(length: i32): string {
  const text = decodeText(at, length);
  at += length;
  return text;
}

function readValue(depth: i32): Variant | null {
  if (at >= end || depth == 0) return null;
  const first = <i32>load<u8>(at);
  at += 1;
  const major = first >> 5;
  const info = first & 31;
  if (info > 27) return null;
  const size = info < 24 ? 0 : 1 << (info - 24);
  if (<usize>size > end - at) return null;
  const value: u64 = size ? readBytes(size) : <u64>info;
  if (major == Major.Simple) return readSimple(info, value);
  if (major == Major.Unsigned) return value >> 63 ? null : Variant.int(<i64>value);
  if (major == Major.Negative) return value >> 63 ? null : Variant.int(~(<i64>value));
  // Every item takes a byte at least.
  if (major > Major.Map || value > <u64>(end - at)) return null;
  if (major == Major.Text) return Variant.string(readText(<i32>value));
  if (major == Major.Bytes) {
    const bytes = new Uint8Array(<i32>value);
    memory.copy(bytes.dataStart, at, <usize>value);
    at += <usize>value;
    return Variant.bytes(bytes);
  }
  return readItems(major == Major.Map, <i32>value, depth);
}

function readSimple(info: i32, value: u64): Variant | null {
  if (info == 20 || info == 21) return Variant.bool(info == 21);
  if (info == 22 || info == 23) return Variant.null();
  if (info == 25) return Variant.number(halfToNumber(<u32>value));
  if (info == 26) return Variant.number(<f64>reinterpret<f32>(<u32>value));
  return info == 27 ? Variant.number(reinterpret<f64>(value)) : null;
}

/** A half-precision float (RFC 8949 appendix D). */
function halfToNumber(bits: u32): f64 {
  const exponent = <i32>((bits >> 10) & 31);
  const fraction = <f64>(bits & 1023);
  let value: f64;
  if (exponent == 0) value = fraction * 5.9604644775390625e-8;
  else if (exponent == 31) value = fraction ? NaN : Infinity;
  else value = (fraction + 1024) * 2.0 ** <f64>(exponent - 25);
  return bits & 0x8000 ? -value : value;
}

function readItems(isMap: bool, count: i32, depth: i32): Variant | null {
  const result = isMap ? Variant.map() : Variant.array();
  for (let i = 0; i < count; i++) {
    let key = "";
    if (isMap) {
      const name = at < end && load<u8>(at) >> 5 == Major.Text ? readValue(depth - 1) : null;
      if (!name) return null;
      key = name.toString();
    }
    const item = readValue(depth - 1);
    if (!item) return null;
    if (isMap) result.set(key, item);
    else result.push(item);
  }
  return result;
}
