// The wasm exports of the build with the `standard` profile: those of index.ts, the choice of a
// profile, and CoAP requests. Compiled with `--use WBOSON_STANDARD=1`.

export * from "./index";

import { beginRequest, cancelRequest, continueRequest } from "./client/requests";
import { serveRequests } from "./cloud/router";
import { ARGUMENT_CAPACITY } from "./config";
import { Profile, setProfile } from "./dtls/profile";
import { argument_buffer } from "./index";
import { Status } from "./status";

/**
 * Choose the wire profile; before `start`.
 * @param profile 1 `particle`, 2 `standard`
 * @param credential 0 raw public key, 1 X.509 certificate, 2 pre-shared key
 * @param cid whether to ask for a connection id (RFC 9146)
 * @returns Status.Ok; Status.InvalidArgument
 */
export function set_profile(profile: i32, credential: i32, cid: i32): i32 {
  serveRequests(profile == Profile.Particle);
  return setProfile(profile, credential, cid != 0);
}

/**
 * Begin a CoAP request; path, query and payload stand in the argument buffer one after the other.
 * @param method 1 GET, 2 POST, 3 PUT, 4 DELETE
 * @param path_length segments are separated by "/", without one at the start
 * @param query_length parts are separated by "&"
 * @param format Content-Format of the payload, -1 for none
 * @param observe 1 asks for notifications (RFC 7641)
 * @param has_more 1 when the payload is the first block of more (RFC 7959)
 * @returns handle that Response events name; Status.InvalidArgument; Status.TooLong; Status.NoSpace
 */
export function request(
  method: i32,
  path_length: i32,
  query_length: i32,
  payload_length: i32,
  format: i32,
  observe: i32,
  has_more: i32,
): i32 {
  if (path_length < 0 || query_length < 0 || payload_length < 0) return Status.InvalidArgument;
  if (path_length > 255 || query_length > 255 || payload_length > 1024) return Status.TooLong;
  if (path_length + query_length + payload_length > ARGUMENT_CAPACITY) return Status.TooLong;
  const target = argument_buffer();
  return beginRequest(
    method,
    target,
    path_length,
    query_length,
    target + path_length + query_length,
    payload_length,
    format,
    observe != 0,
    has_more != 0,
  );
}

/**
 * Give the next block of an upload after a Response with code 2.31; it stands in the argument
 * buffer.
 * @param szx size exponent of the blocks: 2^(szx + 4) bytes
 * @returns Status.Ok; Status.NotFound; Status.InvalidArgument; Status.NoSpace: try again
 */
export function request_block(
  handle: i32,
  payload_length: i32,
  format: i32,
  szx: i32,
  has_more: i32,
): i32 {
  if (payload_length < 0 || payload_length > 1024) return Status.InvalidArgument;
  return continueRequest(handle, argument_buffer(), payload_length, format, szx, has_more != 0);
}

/** Give a request up, or end an observation. @returns Status.Ok; Status.NotFound */
export function request_cancel(handle: i32): i32 {
  return cancelRequest(handle);
}
