import { spawnSync } from "node:child_process";
import path from "node:path";

import { projectRoot } from "../support/fixture";

function bench(...options: string[]) {
  const tsx = path.join(projectRoot, "node_modules/tsx/dist/cli.mjs");
  const command = [tsx, "bench/run.ts", ...options];
  return spawnSync(process.execPath, command, { cwd: projectRoot, encoding: "utf8" });
}

describe("bench/run.ts", () => {
  test("prints exactly one JSON document with --json", () => {
    const { status, stdout } = bench("size", "--json");
    expect(status).toBe(0);
    const figures = { wasm: expect.any(Number), staticRam: expect.any(Number), allocations: 0 };
    expect(JSON.parse(stdout)).toEqual({
      bench: "size",
      rows: [
        { id: "core", ...figures },
        { id: "standard", ...figures },
        { id: "tcp", ...figures },
        { id: "native-crypto", ...figures },
      ],
    });
  });

  test("prints a table without it", () => {
    const [heads, , row] = bench("size").stdout.split("\n");
    expect(heads.split(/ +/)).toEqual(["id", "wasm", "staticRam", "allocations"]);
    expect(row).toMatch(/^core +\d+ +\d+ +0$/);
  });

  test.each(["nothing", "run", "../tools/tour"])("refuses %s and names those there are", (name) => {
    const { status, stderr } = bench(name);
    expect(status).toBe(1);
    expect(stderr).toMatch(/NAME: .*size/);
  });
});
