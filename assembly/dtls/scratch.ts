// Scratch memory of this layer. Each area is used within one function call and holds nothing for
// another; whoever puts a secret there wipes it.

import { STANDARD, TCP } from "../config";
import { SHA256_STATE_SIZE } from "../crypto/sha256";

/** A SHA-256 state. */
export const SCRATCH_HASH: usize = memory.data(SHA256_STATE_SIZE, 8);
/** A digest, 32 bytes. */
export const SCRATCH_DIGEST: usize = memory.data(32, 8);
/** r and s of a signature, 64 bytes. */
export const SCRATCH_SIGNATURE: usize = memory.data(64, 8);
/**
 * A key in DER, or the body of a message to send; in `standard` our X.509 certificate, too. In builds
 * with TCP an RSA key, to see that it is one.
 */
export const SCRATCH_BYTES: usize = memory.data(STANDARD ? 768 : TCP ? 640 : 232, 8);
export const SCRATCH_BYTES_CAPACITY: i32 = STANDARD ? 768 : TCP ? 640 : 232;
