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
        { id: "api", ...figures },
        { id: "native-crypto", ...figures },
      ],
    });
  });

  test("day: 144 wakes of the sleepy tracker cost 144 x 159 bytes of IPv4 at most", () => {
    const { rows } = JSON.parse(bench("day", "--json").stdout) as {
      rows: Record<string, number>[];
    };
    const row = rows.find(({ id }) => `${id}` === "sleepy-tracker");
    const { up, down, datagrams, ipv4Bytes } = row!;
    expect(datagrams).toBe(288);
    expect(ipv4Bytes).toBe(up + down + 28 * datagrams);
    expect(ipv4Bytes).toBeLessThanOrEqual(144 * 159);
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
