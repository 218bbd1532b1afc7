// assembly/crypto, compiled to ask for native crypto, on a WASM3 host that has it from Mbed TLS.

import { declareCryptoSuites } from "./crypto-suites";

declareCryptoSuites("mbedtls", 0.2, (counts) => {
  for (const [name, { answered, declined }] of Object.entries(counts)) {
    expect({ name, many: answered > 100, declined }).toEqual({ name, many: true, declined: 0 });
  }
});
