// Numbers of the TCP channel of the Particle protocol: RSA handshake, then AES-128-CBC frames.

/** The server's first bytes. */
export const NONCE_SIZE: i32 = 40;
/** What the device encrypts for the server: nonce 40 | device id 12 | device public key 162. */
export const KEY_MESSAGE_SIZE: i32 = 214;
/** That, encrypted: one block of the server's key. */
export const KEY_BLOCK_SIZE: i32 = 256;
/** Session block: key 16 | iv 16 | salt 8. */
export const SESSION_SIZE: i32 = 40;
/** Session block encrypted with the device's key, then the server's signature of it. */
export const SEALED_SESSION_SIZE: i32 = 128;
export const SESSION_MESSAGE_SIZE: i32 = 384;
/** Length of the ciphertext, big endian, in front of each frame. */
export const FRAME_HEADER: i32 = 2;
/** Longest ciphertext: a Photon's buffer is 800 bytes, less header and padding, in whole blocks. */
export const MAX_CIPHERTEXT: i32 = 768;
