// Variables: GET /v/<name>, answered by a 2.05. The type is not on the wire but in the application describe.

import { DecodeError } from "../bytes";
import { CoapCode, CoapOptionNumber, stringOption } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";
import { VariableType } from "./describe";

export type VariableValue = boolean | number | string;

export function encodeVariableRequest(name: string): OutgoingMessage {
  return {
    code: CoapCode.Get,
    options: [
      stringOption(CoapOptionNumber.UriPath, "v"),
      stringOption(CoapOptionNumber.UriPath, name),
    ],
  };
}

/** Decode a value: bool 1 byte, int 4 bytes big-endian, double 8 bytes LITTLE-endian, string as it is. @throws DecodeError */
export function decodeVariable(type: VariableType, payload: Buffer): VariableValue {
  const expect = (length: number): void => {
    if (payload.length !== length) {
      throw new DecodeError(`${VariableType[type]} of ${payload.length} bytes`);
    }
  };
  switch (type) {
    case VariableType.Boolean:
      expect(1);
      return payload[0] !== 0;
    case VariableType.Integer:
      expect(4);
      return payload.readInt32BE();
    case VariableType.Double:
      expect(8);
      return payload.readDoubleLE();
    case VariableType.String:
      return payload.toString("utf8");
  }
}
