// Enough of the protocol-buffers wire format to read a describe and to write a server address: varint, fixed and
// length-delimited fields.

import { ByteReader, DecodeError } from "../bytes";

/** The fields of one message, by number. */
export class ProtobufFields {
  constructor(private readonly fields: Map<number, (number | Buffer)[]>) {}

  /** The last varint or fixed value of a field, 0 when absent. */
  uint(field: number): number {
    const value = this.fields.get(field)?.at(-1);
    return typeof value === "number" ? value : 0;
  }

  /** The last byte string of a field. */
  bytes(field: number): Buffer | undefined {
    const value = this.fields.get(field)?.at(-1);
    return Buffer.isBuffer(value) ? value : undefined;
  }

  /** All embedded messages of a repeated field. @throws DecodeError */
  messages(field: number): ProtobufFields[] {
    const values = this.fields.get(field) ?? [];
    return values.filter((value) => Buffer.isBuffer(value)).map((value) => decodeProtobuf(value));
  }
}

/** Split a message into its fields. @throws DecodeError */
export function decodeProtobuf(message: Uint8Array): ProtobufFields {
  const reader = new ByteReader(message);
  const fields = new Map<number, (number | Buffer)[]>();
  while (reader.remaining > 0) {
    const key = decodeVarint(reader);
    const values = fields.get(Math.floor(key / 8)) ?? [];
    fields.set(Math.floor(key / 8), values);
    switch (key % 8) {
      case 0:
        values.push(decodeVarint(reader));
        break;
      case 1:
        values.push(Number(reader.take(8).readBigUInt64LE()));
        break;
      case 2:
        values.push(reader.take(decodeVarint(reader)));
        break;
      case 5:
        values.push(reader.take(4).readUInt32LE());
        break;
      default:
        throw new DecodeError(`protobuf wire type ${key % 8}`);
    }
  }
  return new ProtobufFields(fields);
}

/** An unsigned varint: 7 bits a byte, least significant first. @throws DecodeError above 10 bytes */
export function decodeVarint(reader: ByteReader): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = reader.uint(1);
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new DecodeError("varint too long");
}

/** A varint field. @param value 0 to 2^53 - 1 */
export function encodeVarintField(field: number, value: number): Buffer {
  return Buffer.concat([encodeVarint(field * 8), encodeVarint(value)]);
}

/** A length-delimited field. */
export function encodeBytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([encodeVarint(field * 8 + 2), encodeVarint(bytes.length), bytes]);
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.of(...bytes, rest);
}
