// The wasm exports of the build with both transports: those of index.ts, the choice of one, and the
// input of a stream. Compiled with `--use WBOSON_TCP=1`.

export * from "./index";

import { deviceHandleStream, deviceSetTransport } from "./device";

/**
 * Choose the transport; before `start`, which checks its keys.
 * @param kind 1 UDP (DTLS), 2 TCP (RSA and AES)
 * @returns Status.Ok; Status.InvalidArgument; Status.InvalidState while connecting or connected
 */
export function set_transport(kind: i32): i32 {
  return deviceSetTransport(kind);
}

/**
 * Handle bytes that came over TCP, in the receive buffer, cut anywhere.
 * @returns bytes taken: drain, then call with the rest, which the host moves to the start of the
 *   buffer; Status.InvalidArgument
 */
export function handle_stream(length: i32, now: u32): i32 {
  return deviceHandleStream(length, now);
}
