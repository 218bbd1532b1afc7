// docs/: the reference is what the docstrings say, every requirement has its line and its test.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { globFiles } from "../support/files";
import { projectRoot } from "../support/fixture";

const read = (file: string): string => readFileSync(path.join(projectRoot, file), "utf8");

test("docs/api.md is what tools/reference.mjs writes", () => {
  const options = { cwd: projectRoot, encoding: "utf8" as const };
  const run = spawnSync(process.execPath, ["tools/reference.mjs", "--check"], options);
  expect(run).toMatchObject({ status: 0, stderr: "" });
  for (const name of ["Particle.publish(", "boson_flush(", "queue_flush(", "device.enqueue("]) {
    expect(read("docs/api.md")).toContain(name);
  }
});

test("each requirement that the table gives a test has one of its name there", () => {
  const rows = [...read("docs/requirements.md").matchAll(/^\| (R\d+) \|.*\| (.*) \|$/gm)];
  expect(rows.map(([, id]) => Number(id.slice(1)))).toEqual([
    ...[17, 24, 25, 26, 27, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40],
    ...[50, 51, 52, 53, 54, 55, 56, 57],
  ]);
  const titles = globFiles(path.join(projectRoot, "tests"), ".test.ts")
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  for (const [, id, where] of rows) {
    for (const [, file] of where.matchAll(/`((?:tests|docs|bindings|examples)[^`]*)`/g)) {
      expect({ file, isThere: existsSync(path.join(projectRoot, file)) }).toEqual({
        file,
        isThere: true,
      });
    }
    const isReasoned = /^(not here|nothing|no class|with R)/.test(where);
    const isTested = new RegExp(`test(?:\\.each\\([^)]*\\))?\\(\\s*["\`][^"\`]*\\b${id}\\b`).test(
      titles,
    );
    expect({ id, isCovered: isReasoned || isTested }).toEqual({ id, isCovered: true });
  }
});
