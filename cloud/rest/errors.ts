// Errors as the API tells them: an HTTP status and a JSON object. `error` is for people and programs, `error_description`
// and `info` are where the official tools look, `reason` names the cause for programs.

import { CloudError } from "../errors";
import type { CloudErrorCode } from "../errors";

export class ApiError extends Error {
  override name = "ApiError";

  /** @param body the JSON of the answer */
  constructor(
    readonly status: number,
    readonly body: Record<string, unknown>,
  ) {
    super(String(body.error ?? status));
  }
}

export function badRequest(error: string): ApiError {
  return new ApiError(400, { ok: false, error, reason: "bad-request" });
}

export function notFound(what: string): ApiError {
  return new ApiError(404, { ok: false, error: `${what} not found`, reason: "not-found" });
}

/** Something that this cloud cannot do. The reason is a name that does not change. */
export function notSupported(error: string, reason: string): ApiError {
  return new ApiError(501, { ok: false, error, errors: [error], reason });
}

/** RFC 6749 §5.2, RFC 6750 §3.1. */
export function oauthError(status: number, error: string, description: string): ApiError {
  return new ApiError(status, { error, error_description: description });
}

export const NO_TOKEN = oauthError(400, "invalid_request", "The access token was not found");
export const BAD_TOKEN = oauthError(401, "invalid_token", "The access token provided is invalid.");

const CLOUD_ERRORS: Record<CloudErrorCode, [status: number, error?: string]> = {
  "unknown-device": [404, "Device not found"],
  "device-offline": [400, "The device is not online"],
  "function-not-found": [404],
  "variable-not-found": [404, "Variable not found"],
  timeout: [408, "Timed out."],
  rejected: [502],
  "session-closed": [408, "Timed out: the session of the device ended"],
  "invalid-argument": [400],
  "bad-response": [502],
  busy: [503],
  "update-refused": [502],
  "update-under-way": [409, "An update is under way"],
  "update-cancelled": [409],
  "update-failed": [502],
};

/** Status and body for anything that a route throws. What is no known error says nothing about itself. */
export function toAnswer(error: unknown): { status: number; body: Record<string, unknown> } {
  if (error instanceof ApiError) return { status: error.status, body: error.body };
  if (error instanceof CloudError) {
    const [status, text] = CLOUD_ERRORS[error.code];
    return { status, body: { ok: false, error: text ?? error.message, reason: error.code } };
  }
  const { statusCode, message, code } = error as Error & { statusCode?: number; code?: string };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, body: { ok: false, error: message, reason: code } };
  }
  return { status: 500, body: { ok: false, error: "Internal error", reason: "internal" } };
}
