import { Fixture } from "../support/fixture";

const GOOD = {
  "assembly/index.ts": 'export { poll } from "./device";\nimport { SIZE } from "./config";\n',
  "assembly/device.ts": 'import { a } from "./cloud/a";\nimport { d } from "./dtls/d";\n',
  "assembly/config.ts": "export const SIZE = 1;\n",
  "assembly/hal.ts": "export declare function halLog(): void;\n",
  "assembly/cloud/a.ts": 'import { c } from "../coap/c";\nimport { l } from "../util/log";\n',
  "assembly/coap/c.ts": 'import { SIZE } from "../config";\n',
  "assembly/dtls/d.ts": 'import {\n  r,\n} from "../crypto/random";\n',
  "assembly/dtls/session.ts": 'import { halLog } from "../hal";\n',
  "assembly/crypto/random.ts": 'import { halLog } from "../hal";\n',
  "assembly/util/log.ts": 'import { halLog } from "../hal";\n',
  "assembly/app/core.ts": 'export { poll } from "../device";\nexport { l } from "../util/log";\n',
  "assembly/app/log.ts": 'import { l } from "./core";\nimport { N } from "../queue/numbers";\n',
  "assembly/queue/numbers.ts": "export const N = 1;\n",
  "assembly/bridge/entry.ts":
    'import { w } from "../app/log";\nimport { N } from "../queue/numbers";\n',
  "cloud/server.ts": 'import net from "node:net";\n',
};

describe("layers", () => {
  let fixture: Fixture;
  beforeEach(() => void (fixture = new Fixture()));
  afterEach(() => fixture.remove());

  const check = (changes: Record<string, string>) =>
    fixture.write({ ...GOOD, ...changes }).check("layers");

  test("accepts imports that point down", () => {
    expect(check({})).toEqual({ exitCode: 0, output: "layers: ok, 17 imports\n" });
  });

  test.each([
    ["coap -> dtls", "assembly/coap/c.ts", 'import { d } from "../dtls/d";'],
    ["dtls -> coap", "assembly/dtls/d.ts", 'import * as c from "../coap/c";'],
    ["cloud -> dtls", "assembly/cloud/a.ts", 'export * from "../dtls/d";'],
    ["cloud -> crypto", "assembly/cloud/a.ts", 'import { r } from "../crypto/random";'],
    ["crypto -> dtls", "assembly/crypto/random.ts", 'import { d } from "../dtls/d";'],
    ["util -> coap", "assembly/util/log.ts", 'import { c } from "../coap/c";'],
    ["dtls -> device, over lines", "assembly/dtls/d.ts", 'import {\n  poll,\n} from "../device";'],
    ["app -> the core", "assembly/app/log.ts", 'import { poll } from "../device";'],
    ["app -> a log of the host", "assembly/app/log.ts", 'import { l } from "../util/log";'],
    ["bridge -> the core", "assembly/bridge/entry.ts", 'import { a } from "../cloud/a";'],
    ["bridge -> the linked port", "assembly/bridge/entry.ts", 'import { l } from "../app/core";'],
    ["numbers -> anything", "assembly/queue/numbers.ts", 'import { SIZE } from "../config";'],
    ["hal from elsewhere", "assembly/coap/c.ts", 'import { halLog } from "../hal";'],
    ["a package", "assembly/coap/c.ts", 'import { u128 } from "as-bignum";'],
    ["a file of no layer", "assembly/other.ts", "export const a = 1;"],
    ["the local cloud -> core", "cloud/server.ts", 'import { d } from "../assembly/dtls/d";'],
    ["the local cloud -> a host", "cloud/server.ts", 'import { Device } from "../bindings/node";'],
    ["a host -> the local cloud", "bindings/node/host.ts", 'import { a } from "../../cloud";'],
    ["a host -> core", "bindings/node/host.ts", 'const d = require("../../assembly/dtls/d");'],
  ])("refuses %s", (_, file, text) => {
    const { exitCode, output } = check({ [file]: text });
    expect(output).toContain(`layers: ${file}: `);
    expect(exitCode).toBe(1);
  });

  test("does not pass on nothing", () => {
    const { exitCode, output } = fixture.write({ "assembly/config.ts": "" }).check("layers");
    expect(output).toContain("no import found");
    expect(exitCode).toBe(1);
  });
});
