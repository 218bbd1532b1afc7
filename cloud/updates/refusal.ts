// Why a device refuses an update: `{"code":c,"message":"text"}` in the payload of an error response.

import { CloudError } from "../errors";
import type { CloudErrorCode } from "../errors";
import { formatCode } from "../coap/codec";

/**
 * Names of the codes that devices give. Those below -200 are Device OS's; the others are the core's, for what Device OS
 * has no number.
 */
const NAMES: Record<number, string> = {
  [-120]: "not-supported",
  [-141]: "too-large",
  [-142]: "malformed",
  [-143]: "bad-signature",
  [-144]: "wrong-board",
  [-145]: "not-newer",
  [-146]: "core-too-old",
  [-147]: "forbidden-imports",
  [-148]: "unmetered",
  [-149]: "hash-mismatch",
  [-150]: "truncated",
  [-151]: "storage-failed",
  [-152]: "busy",
  [-153]: "timeout",
  [-154]: "cancelled",
  [-155]: "no-keys",
  [-156]: "replayed",
  [-160]: "timeout",
  [-161]: "application-too-slow",
  [-162]: "application-flood",
  [-163]: "application-invalid",
  [-164]: "application-unhealthy",
  [-165]: "application-disabled",
  [-210]: "invalid-state",
  [-220]: "storage-failed",
  [-240]: "protocol-error",
  [-260]: "storage-failed",
  [-270]: "bad-argument",
  [-1351]: "too-large",
  [-1380]: "updates-disabled",
};

export interface Refusal {
  /** The device's own number; absent when it gave none. */
  code?: number;
  /** A word for it that does not change, or "refused". */
  name: string;
  /** The device's own words, or the code of its response. */
  message: string;
}

const MAX_MESSAGE_LENGTH = 200;

/** Read the payload of an error response, whatever it holds. */
export function decodeRefusal(coapCode: number, payload: Uint8Array): Refusal {
  const plain = { name: "refused", message: coapCode === 0 ? "reset" : formatCode(coapCode) };
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return plain;
  }
  if (typeof json !== "object" || json === null) return plain;
  const { code, message } = json as { code?: unknown; message?: unknown };
  const text = typeof message === "string" && message !== "" ? message : plain.message;
  // Control characters of a device have no business on a terminal.
  const shown = text.replace(/\p{Cc}/gu, " ").slice(0, MAX_MESSAGE_LENGTH);
  if (typeof code !== "number" || !Number.isInteger(code)) return { ...plain, message: shown };
  return { code, name: NAMES[code] ?? "refused", message: shown };
}

/** An update that did not come to its end. */
export class UpdateFailed extends CloudError {
  override name = "UpdateFailed";
  /** The number that the device gave as its reason. */
  readonly deviceCode: number | undefined;
  /** A word for the reason, e.g. "wrong-board". */
  readonly reason: string;

  constructor(code: CloudErrorCode, message: string, refusal?: Refusal) {
    super(code, message);
    this.deviceCode = refusal?.code;
    this.reason = refusal?.name ?? code;
  }

  /** The device said no. */
  static refused(deviceId: string, refusal: Refusal): UpdateFailed {
    const number = refusal.code === undefined ? "" : ` (${refusal.code})`;
    const message = `update of ${deviceId} refused: ${refusal.message}${number}`;
    return new UpdateFailed("update-refused", message, refusal);
  }
}
