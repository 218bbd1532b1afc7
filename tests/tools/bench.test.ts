import { spawnSync } from "node:child_process";
import path from "node:path";

import { projectRoot } from "../support/fixture";
import { shownOutput } from "../support/shown-output";

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

  test("day: the table in the README of examples/tracker", () => {
    const [heads, rule, ...rows] = shownOutput("tracker");
    const lines = bench("day").stdout.split("\n");
    expect(lines.slice(0, 2)).toEqual([heads, rule]);
    // A wake is the same to the byte. In the first day's handshake are two ECDSA signatures, and the
    // DER of each is a few bytes longer or shorter (SEC 1 §C.8).
    const signatures = 16;
    expect(rows).toHaveLength(2);
    expect(lines[2]).toBe(rows[0]);
    const [shown, measured] = [rows[1], lines[3]].map((row) => row.split(/ +/));
    expect(measured.map((cell) => isNaN(Number(cell)))).toEqual(
      shown.map((cell) => isNaN(Number(cell))),
    );
    expect(measured[0]).toBe(shown[0]);
    for (let i = 1; i < shown.length; i++) {
      expect(Math.abs(Number(measured[i]) - Number(shown[i]))).toBeLessThanOrEqual(signatures);
    }
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
