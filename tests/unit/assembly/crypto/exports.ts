// Everything of assembly/crypto as one module: what tests/crypto loads.

export * from "../../../../assembly/crypto/constant-time";
export * from "../../../../assembly/crypto/random";
export * from "../../../../assembly/crypto/sha256";
export * from "../../../../assembly/crypto/hmac";
export * from "../../../../assembly/crypto/prf";
export * from "../../../../assembly/crypto/aes";
export * from "../../../../assembly/crypto/ccm";
export * from "../../../../assembly/crypto/p256";
export * from "../../../../assembly/crypto/der";
