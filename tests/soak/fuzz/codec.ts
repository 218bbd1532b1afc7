// The core's CoAP decoder beside the cloud's.

import { decodeCoap } from "../../../cloud/coap/codec";
import { Internals } from "../../support/internals";

/** A message as both decoders must see it. */
export interface Decoded {
  type: number;
  code: number;
  messageId: number;
  token: string;
  options: [number, string][];
  payload: string;
}

/** @returns undefined when the cloud refuses the message */
export function decodeByCloud(bytes: Uint8Array): Decoded | undefined {
  try {
    const { type, code, messageId, token, options, payload } = decodeCoap(Buffer.from(bytes));
    return {
      type,
      code,
      messageId,
      token: token.toString("hex"),
      options: options.map(({ number, value }) => [number, value.toString("hex")]),
      payload: payload.toString("hex"),
    };
  } catch {
    return undefined;
  }
}

export class Codec {
  private readonly core = new Internals();

  /** @returns undefined when the core refuses the message */
  decode(bytes: Uint8Array): Decoded | undefined {
    const { core } = this;
    core.reset();
    if (core.call.decodeMessage(core.put(bytes), bytes.length) < 0) return undefined;
    const options: [number, string][] = [];
    while (core.call.optionNext()) {
      const value = core.get(core.call.optionValue(), core.call.optionLength());
      options.push([core.call.optionNumber(), value.toString("hex")]);
    }
    const text = (at: number, length: number): string => core.get(at, length).toString("hex");
    return {
      type: core.call.messageType(),
      code: core.call.messageCode(),
      messageId: core.call.messageId(),
      token: text(core.call.messageToken(), core.call.messageTokenLength()),
      options,
      payload: text(core.call.messagePayload(), core.call.messagePayloadLength()),
    };
  }
}
