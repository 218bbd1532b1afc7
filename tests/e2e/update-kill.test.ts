// A device process that is killed while it takes an update: what it had is what the next one goes on
// with, from files alone; in the end the application runs.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { FileStorage, StorageSlot } from "../../bindings/node";
import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import type { UpdateReport } from "../../cloud";
import { encodePinnedKeys, signApplication } from "../../tools/application/sign";
import { applicationText, data } from "../support/application-text";
import { assemble } from "../support/assemble";
import { Run } from "../support/boson-process";
import { projectRoot } from "../support/fixture";
import { TEST_UPDATE_KEY } from "../support/update-key";

const KILLS = 4;
/** Slow enough for all of them: 3 s for the whole. */
const BYTES_PER_SECOND = 16_384;

const { large } = assemble({
  large: applicationText({
    imports: ["publish"],
    setup: `(drop (call $publish (i32.const 4096) (i32.const 5) (i32.const 4096) (i32.const 5)
      (i32.const 0) (i32.const -1) (i32.const 1)))`,
    after: `${data(4096, "large")} ${data(8192, "no byte of it may be missing ".repeat(1_700))}`,
  }),
});

describe("a device process that is killed in an update", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-update-kill-"));
  const [cloudDirectory, deviceDirectory] = ["cloud", "device"].map((name) =>
    path.join(folder, name),
  );
  const runs: Run[] = [];
  let listener: UdpListener;

  afterAll(async () => {
    const running = runs.filter(({ child }) => child.exitCode === null && !child.signalCode);
    await Promise.all(running.map((run) => run.end("SIGKILL")));
    await listener.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startDevice(): Promise<Run> {
    const script = path.join(projectRoot, "bin/boson.cjs");
    const file = path.join(projectRoot, "build/boson-ota.wasm");
    const places = ["--storage", deviceDirectory, "--data", cloudDirectory];
    const server = `localhost:${listener.address.port}`;
    const options = ["device", "run", file, ...places, "--server", server];
    const run = new Run(process.execPath, [script, ...options]);
    runs.push(run);
    await run.prints(/^connection: Connected/m);
    return run;
  }

  test("goes on from what its files hold", async () => {
    const { id } = provisionDevice({ cloudDirectory, deviceDirectory });
    const keys = encodePinnedKeys([TEST_UPDATE_KEY.publicKey]);
    new FileStorage(deviceDirectory).write(StorageSlot.UpdateKeys, keys);
    const cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
    listener = await UdpListener.listen(cloud, { port: 0 });
    const image = signApplication(large, TEST_UPDATE_KEY, { version: 1 });
    let run = await startDevice();

    let report: UpdateReport | undefined;
    const flashed = cloud.flash(id, image, {
      bytesPerSecond: BYTES_PER_SECOND,
      onProgress: (now) => (report = now),
    });
    for (let kill = 1; kill <= KILLS; kill++) {
      // Kills spread over the transfer, wherever each finds it.
      const enough = (image.length * kill) / (KILLS + 1);
      for (let i = 0; i < 1_500 && (report?.sent ?? 0) < enough; i++) await pause(20);
      expect(report!.sent).toBeGreaterThanOrEqual(enough);
      await run.end("SIGKILL");
      run = await startDevice();
    }
    const result = await flashed;
    expect(result.attempts).toBeGreaterThan(1);
    expect(result.resumedAt).toBeGreaterThan(0);
    await run.prints(/^application: version 1$/m);
    // Nothing was sent twice but what the last journal of each did not have.
    expect(result.repeats).toBeLessThan(result.chunks / 2);
    expect(await run.end("SIGINT")).toBe(0);
  });
});
