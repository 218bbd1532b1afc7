// assembly/crypto, compiled to ask for native crypto, on a WASM3 host that has none.

import { declareCryptoSuites } from "./crypto-suites";

declareCryptoSuites("none", 0.02, (counts) => {
  for (const [name, { answered, declined }] of Object.entries(counts)) {
    expect({ name, answered, asked: declined > 10 }).toEqual({ name, answered: 0, asked: true });
  }
});
