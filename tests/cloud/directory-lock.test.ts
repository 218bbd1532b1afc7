// One cloud process a data directory, also without a database.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openCloudDirectory, provisionDevice, readCloudDirectory } from "../../cloud";
import { openStoredCloud } from "../../cloud/rest/open";
import { projectRoot } from "../support/fixture";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-lock-"));
const directory = path.join(folder, "cloud");
afterAll(() => rmSync(folder, { recursive: true }));

/** A process that has opened the directory. */
async function otherProcess(): Promise<ChildProcess> {
  const script = `
    require("tsx/cjs");
    require("./cloud").openCloudDirectory(${JSON.stringify(directory)});
    console.log("open");
    setInterval(() => undefined, 1000);`;
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, ["-e", script], { cwd: projectRoot, stdio: [...stdio] });
  await once(child.stdout!, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

test("a second process is refused until the first one is gone; provisioning goes on beside it", async () => {
  const child = await otherProcess();
  const message = new RegExp(`process ${child.pid} is running on this data directory`);
  expect(() => openCloudDirectory(directory)).toThrow(message);
  expect(() => openStoredCloud(directory)).toThrow(message);
  const { id } = provisionDevice({
    cloudDirectory: directory,
    deviceDirectory: path.join(folder, "device"),
  });
  expect(readCloudDirectory(directory).registry.find(id)).toBeDefined();
  await kill(child);
  const { keyPair } = openCloudDirectory(directory);
  // A cloud that is started anew in the same process.
  expect(openCloudDirectory(directory).keyPair.spki).toEqual(keyPair.spki);
});
