// assembly/crypto with what the TCP channel needs, and its frames, as one module for tests/crypto. With
// `--use WBOSON_TCP=1`.

export * from "./exports";
export * from "../../../../assembly/crypto/sha1";
export * from "../../../../assembly/crypto/hmac-sha1";
export * from "../../../../assembly/crypto/aes-inverse";
export * from "../../../../assembly/crypto/cbc";
export * from "../../../../assembly/crypto/montgomery";
export * from "../../../../assembly/crypto/rsa";
export * from "../../../../assembly/crypto/rsa-der";
export * from "../../../../assembly/crypto/pkcs1";
export * from "../../../../assembly/rsa-aes/frame";
