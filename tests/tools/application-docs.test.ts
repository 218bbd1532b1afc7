// docs/applications.md and the template's README: their commands work, their example builds both ways.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { buildApplicationModule } from "../../tools/application/build";
import { verifyImage, readPublicKey } from "../../tools/application/sign";
import { BridgeHost } from "../support/bridge-host";
import { projectRoot } from "../support/fixture";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-docs-"));
const page = readFileSync(path.join(projectRoot, "docs/applications.md"), "utf8");

afterAll(() => rmSync(folder, { recursive: true }));

/** Contents of the blocks of a language. */
function blocks(text: string, language: string): string[] {
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"));
  return [...found].map(([, content]) => content);
}

function boson(line: string, cwd = folder): string {
  const [name, ...args] = line.replace(/\s+#.*$/, "").split(" ");
  expect(name).toBe("boson");
  const script = path.join(projectRoot, "bin/boson.cjs");
  return execFileSync(process.execPath, [script, ...args], {
    cwd,
    encoding: "utf8",
    stdio: "pipe",
  });
}

test("the commands of the page, one after the other", () => {
  const [build, flash] = blocks(page, "sh").map((block) => block.trim().split("\n"));
  const outputs = build.map((line) => boson(line));
  expect(outputs.at(-2)).toMatch(
    /^thermometer\/app.image: application 1, \d+ bytes\nfor argon, posix/,
  );
  const image = readFileSync(path.join(folder, "thermometer/app.image"));
  const key = readPublicKey(readFileSync(path.join(folder, "update-key.pem")));
  expect(verifyImage(image, [key]).boards).toEqual([12, 3]);
  expect(readFileSync(path.join(folder, "device/update-keys.bin"))).toEqual(key);
  // What needs a cloud is tested with one; here: that it is there.
  const help = boson("boson --help");
  for (const line of flash) expect(help).toMatch(new RegExp(`^  ${line.split(" ")[1]} `, "m"));
});

test("the application of the page does what it says, from a folder anywhere", async () => {
  const [source] = blocks(page, "ts");
  const file = path.join(folder, "door.ts");
  writeFileSync(file, source);
  const { module } = await buildApplicationModule(file);
  const host = new BridgeHost(module);
  host.setup();
  expect(host.calls).toEqual(["update 2 0", "control 1 0 0"]);
  host.event(22, 9);
  expect(host.published).toEqual(["waiting 9"]);
});

test("the template is linked with the core, too", () => {
  const name = path.join("build", path.basename(folder));
  mkdirSync(path.join(projectRoot, name), { recursive: true });
  try {
    const options = ["--application", "examples/template/app.ts", "--out", `${name}/app.wasm`];
    const tool = path.join(projectRoot, "tools/build.mjs");
    execFileSync(process.execPath, [tool, ...options, "--runtime", "minimal"], {
      cwd: projectRoot,
    });
    const module = readFileSync(path.join(projectRoot, name, "app.wasm"));
    expect(module.length).toBeGreaterThan(40_000);
  } finally {
    rmSync(path.join(projectRoot, name), { recursive: true });
  }
});

test("the sizes of the page are within what the check holds them to", () => {
  const budget = JSON.parse(
    readFileSync(path.join(projectRoot, "tools/check/applications.json"), "utf8"),
  ) as Record<string, { image: number; staticRam: number }>;
  const rows = [...page.matchAll(/^\| (\w+): .*\| ([\d,]+) \| ([\d,]+) \|$/gm)];
  expect(rows.map(([, name]) => name).sort()).toEqual(Object.keys(budget).sort());
  for (const [, name, image, staticRam] of rows) {
    const number = (text: string): number => Number(text.replace(",", ""));
    expect(number(image)).toBeLessThanOrEqual(budget[name].image);
    expect(number(staticRam)).toBeLessThanOrEqual(budget[name].staticRam);
  }
});
