// The native crypto that a program with the WASM3 binding may have: implementations of
// bindings/wasm3/boson_crypto.h.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** By name: its sources, what is linked with them, and how to get that. */
export const NATIVE_CRYPTO = {
  none: { sources: ["bindings/wasm3/boson_crypto_none.c"], libraries: [], install: "" },
  mbedtls: {
    sources: ["bindings/wasm3/boson_crypto_mbedtls.c"],
    libraries: ["-lmbedcrypto"],
    install: "apt-get install --no-install-recommends libmbedtls-dev",
  },
};

/** Compiles and links where Mbed TLS has what boson_crypto_mbedtls.c needs. */
const PROBE = `
#include <mbedtls/ccm.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>
#define ADDRESS(function) (void (*)(void))function
void (*volatile needed[])(void) = {ADDRESS(mbedtls_ccm_auth_decrypt), ADDRESS(mbedtls_ecdsa_verify),
                                   ADDRESS(mbedtls_ecdh_compute_shared),
                                   ADDRESS(mbedtls_internal_sha256_process)};
int main(void) { return needed[0] == 0; }
`;

/** Whether this compiler finds Mbed TLS. @param {string} compiler its command */
export function hasMbedtls(compiler) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "wboson-probe-"));
  const options = [
    "-x",
    "c",
    "-",
    "-o",
    path.join(folder, "probe"),
    ...NATIVE_CRYPTO.mbedtls.libraries,
  ];
  const { status } = spawnSync(compiler, options, { input: PROBE, stdio: "pipe" });
  rmSync(folder, { recursive: true, force: true });
  return status === 0;
}
