// Requests of the cloud to a device, as promises: function calls, variables, describe, signal, ping, key change, server
// moved.

import { CoapCode, CoapOptionNumber } from "./coap/codec";
import type { CoapMessage } from "./coap/codec";
import { decodeBlock } from "./coap/block";
import type { Block } from "./coap/block";
import type { Outcome } from "./coap/exchanges";
import { MAX_WAITING, encodedLength } from "./coap/message-layer";
import type { OutgoingMessage } from "./coap/message-layer";
import { DecodeError } from "./bytes";
import type { DeviceLink } from "./device-link";
import {
  DescribeReassembly,
  DescribeType,
  encodeDescribeRequest,
} from "./device-protocol/describe";
import {
  MAX_ARGUMENT_LENGTH,
  MAX_NAME_LENGTH,
  decodeFunctionResult,
  encodeFunctionCall,
} from "./device-protocol/functions";
import { encodeKeyChange } from "./device-protocol/key-change";
import { encodeServerMoved } from "./device-protocol/server-moved";
import type { ServerAddress } from "./device-protocol/server-moved";
import { encodeSignal } from "./device-protocol/signal";
import { decodeVariable, encodeVariableRequest } from "./device-protocol/variables";
import type { VariableValue } from "./device-protocol/variables";
import type { KeyObject } from "node:crypto";
import {
  CloudError,
  DeviceOffline,
  FunctionNotFound,
  Rejected,
  SessionClosed,
  Timeout,
  VariableNotFound,
} from "./errors";
import { publicKeyFromSpki } from "./keys";

/** Bytes of the longest host name (RFC 1035 §2.3.4, without the dot at the end). */
const MAX_HOST_LENGTH = 253;

/** Engine time now, ms, and how long a response may take, ms. */
export interface RequestTiming {
  now: () => number;
  timeoutMs: number;
}

/** @throws CloudError when it is empty or above 64 bytes */
export function checkName(name: string): void {
  const length = Buffer.byteLength(name);
  if (length === 0 || length > MAX_NAME_LENGTH) {
    throw new CloudError("invalid-argument", `name "${name}" is not 1 to 64 bytes long`);
  }
}

/** Call a function of the device and return its int32. */
export async function callFunction(
  link: DeviceLink,
  name: string,
  argument: string,
  timing: RequestTiming,
): Promise<number> {
  checkName(name);
  if (Buffer.byteLength(argument) > MAX_ARGUMENT_LENGTH) {
    throw new CloudError("invalid-argument", "argument above 1024 bytes");
  }
  const what = `function ${name} of ${link.device.id}`;
  try {
    const response = await request(link, encodeFunctionCall(name, argument), what, timing);
    return decode(what, () => decodeFunctionResult(response.payload));
  } catch (error) {
    if (isNotFound(error)) throw new FunctionNotFound(name);
    // Device OS never answers a call of an unknown function.
    const listed = link.application?.functions.includes(name) ?? true;
    throw error instanceof Timeout && !listed ? new FunctionNotFound(name) : error;
  }
}

/** Read a variable; its type comes from the application describe, which is asked for when it is not known. */
export async function readVariable(
  link: DeviceLink,
  name: string,
  timing: RequestTiming,
): Promise<VariableValue> {
  checkName(name);
  if (!link.application) await fetchDescribe(link, DescribeType.Application, timing);
  const what = `variable ${name} of ${link.device.id}`;
  try {
    const response = await request(link, encodeVariableRequest(name), what, timing);
    const variables = link.application?.variables ?? {};
    if (!Object.hasOwn(variables, name)) throw new VariableNotFound(name);
    return decode(what, () => decodeVariable(variables[name], response.payload));
  } catch (error) {
    throw isNotFound(error) ? new VariableNotFound(name) : error;
  }
}

/** Ask the device for a describe, block by block where needed, and keep it. @returns its payload */
export async function fetchDescribe(
  link: DeviceLink,
  type: DescribeType,
  timing: RequestTiming,
): Promise<Buffer> {
  const what = `describe of ${link.device.id}`;
  const reassembly = new DescribeReassembly();
  let block: Block | undefined;
  for (;;) {
    const response = await request(link, encodeDescribeRequest(type, block), what, timing);
    const answered = decodeBlock(response, CoapOptionNumber.Block2);
    const whole = decode(what, () => {
      if ((answered?.number ?? 0) !== (block?.number ?? 0)) throw new DecodeError("wrong block");
      const payload = answered ? reassembly.add(answered, response.payload) : response.payload;
      if (payload) link.setDescribe(type, payload);
      return payload;
    });
    if (whole) return whole;
    const { number, szx } = answered as Block;
    block = { number: number + 1, more: false, szx };
  }
}

/** Let the device flash its LED, or stop that. */
export async function signalDevice(
  link: DeviceLink,
  on: boolean,
  timing: RequestTiming,
): Promise<void> {
  await request(link, encodeSignal(on), `signal to ${link.device.id}`, timing);
}

/** Send an empty confirmable message. @returns ms until its acknowledgement, from the first transmission on */
export function pingDevice(link: DeviceLink, timing: RequestTiming): Promise<number> {
  const { messages } = link;
  if (!messages) return Promise.reject(new DeviceOffline(link.device.id));
  const startedAt = timing.now();
  const what = `ping of ${link.device.id}`;
  return new Promise((resolve, reject) => {
    messages.sendConfirmable({ code: CoapCode.Empty }, startedAt, (delivery) => {
      // Device OS acknowledges, others may send the Reset of RFC 7252 §4.3: either shows that it is there.
      if (delivery === "acknowledged" || delivery === "reset") resolve(timing.now() - startedAt);
      else reject(delivery === "timeout" ? new Timeout(what) : new SessionClosed(what));
    });
  });
}

/**
 * Ask the device to forget its session.
 * @returns true when it acknowledged or came back already, false when it said nothing in time
 */
export async function changeKeys(link: DeviceLink, timing: RequestTiming): Promise<boolean> {
  const what = `key change of ${link.device.id}`;
  try {
    await request(link, encodeKeyChange(), what, timing, "acknowledgement");
    return true;
  } catch (error) {
    // Device OS acknowledges under a message ID of its own, and may be back with a new session before the timeout.
    if (error instanceof SessionClosed) return true;
    if (error instanceof Timeout) return false;
    throw error;
  }
}

/** Send the device to another server for good. @throws CloudError with the code of the device when it refuses */
export async function moveDevice(
  link: DeviceLink,
  server: ServerAddress,
  signingKey: KeyObject,
  timing: RequestTiming,
): Promise<void> {
  checkServer(server, signingKey);
  const message = encodeServerMoved(server, signingKey);
  await request(link, message, `server change of ${link.device.id}`, timing);
}

function checkServer(server: ServerAddress, signingKey: KeyObject): void {
  const { host, port, publicKey } = server;
  const length = Buffer.byteLength(host);
  if (length === 0 || length > MAX_HOST_LENGTH) {
    throw new CloudError("invalid-argument", `host "${host}" is not 1 to 253 bytes long`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw new CloudError("invalid-argument", `port ${port} is not 1 to 65535`);
  }
  try {
    publicKeyFromSpki(publicKey);
  } catch (error) {
    throw new CloudError("invalid-argument", `public key: ${(error as Error).message}`);
  }
  const { type, asymmetricKeyDetails } = signingKey;
  if (type !== "private" || asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new CloudError("invalid-argument", "the signing key is no P-256 private key");
  }
}

/** Send a request and wait for a response of class 2, or for the mere acknowledgement. @throws CloudError */
function request(
  link: DeviceLink,
  message: OutgoingMessage,
  what: string,
  timing: RequestTiming,
): Promise<CoapMessage>;
function request(
  link: DeviceLink,
  message: OutgoingMessage,
  what: string,
  timing: RequestTiming,
  until: "acknowledgement",
): Promise<CoapMessage | undefined>;
function request(
  link: DeviceLink,
  message: OutgoingMessage,
  what: string,
  timing: RequestTiming,
  until?: "acknowledgement",
): Promise<CoapMessage | undefined> {
  const { exchanges } = link;
  if (!exchanges) return Promise.reject(new DeviceOffline(link.device.id));
  if (encodedLength(message) > link.maxMessageLength) {
    const limit = `${link.maxMessageLength} bytes that the device can take over TCP`;
    return Promise.reject(new CloudError("invalid-argument", `${what}: longer than the ${limit}`));
  }
  return new Promise((resolve, reject) => {
    const settle = (outcome: Outcome): void => {
      switch (outcome.kind) {
        case "acknowledged":
          return resolve(undefined);
        case "response": {
          const { code, payload } = outcome.response;
          if (code >> 5 === 2) return resolve(outcome.response);
          return reject(new Rejected(what, code, payload));
        }
        case "timeout":
          return reject(new Timeout(what));
        case "closed":
          return reject(new SessionClosed(what));
        case "reset":
          return reject(new Rejected(what, 0, Buffer.alloc(0)));
        case "no-token":
          return reject(new CloudError("busy", "256 requests are under way"));
        case "overflow":
          return reject(new CloudError("busy", `${MAX_WAITING} messages wait for this device`));
      }
    };
    exchanges.request(message, timing.timeoutMs, timing.now(), settle, until);
  });
}

function isNotFound(error: unknown): boolean {
  return error instanceof Rejected && error.coapCode === CoapCode.NotFound;
}

function decode<T>(what: string, decoder: () => T): T {
  try {
    return decoder();
  } catch (error) {
    throw new CloudError("bad-response", `${what}: ${(error as Error).message}`);
  }
}
