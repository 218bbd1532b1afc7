// npm start -- --once, as a user runs it.

import { spawnSync } from "node:child_process";
import path from "node:path";

const root = path.resolve(__dirname, "../..");

test("the tour walks through every step and says what it cost", () => {
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync("npm", ["--silent", "start", "--", "--once"], {
    cwd: root,
    encoding: "utf8",
    timeout: 100_000,
    env,
  });
  expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
  expect(stdout.match(/^ {6}ok /gm)).toHaveLength(12);
  expect(stdout).not.toContain("FAILED");
  const handshake = /both sides authenticated: (\d+) B up, (\d+) B down in 6 datagrams/.exec(
    stdout,
  );
  expect(Number(handshake![1]) + Number(handshake![2])).toBeLessThanOrEqual(1060);
  expect(stdout).toMatch(/no handshake, from port (\d+) to (?!\1)\d+/);
});
