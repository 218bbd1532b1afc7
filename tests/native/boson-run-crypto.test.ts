// boson-run with the module that asks for native crypto, against the local cloud over real UDP: with
// Mbed TLS and with nothing, sanitizers on.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { Run, within } from "../support/boson-process";
import { projectRoot } from "../support/fixture";
import { buildNative, nativeTest } from "../support/native-build";
import type { NativeCrypto } from "../support/native-build";

const MODULE = path.join(projectRoot, "build/boson-native-crypto.wasm");

describe.each<NativeCrypto>(["mbedtls", "none"])("boson-run with %s", (crypto) => {
  const nativeOnly = nativeTest("boson-run", crypto);
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-crypto-"));
  const directories = {
    cloudDirectory: path.join(folder, "cloud"),
    deviceDirectory: path.join(folder, "device"),
  };
  let program: string;
  let id: string;
  let cloud: LocalCloud;
  let listener: UdpListener | undefined;
  let device: Run | undefined;

  afterAll(async () => {
    device?.child.kill("SIGKILL");
    await listener?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...flags: string[]): Run {
    device = new Run(program, [
      ...["--module", MODULE, "--storage", directories.deviceDirectory],
      ...["--server", `localhost:${listener!.address.port}`, "--statistics", ...flags],
    ]);
    return device;
  }

  /** Publish a line of stdin, and wait until the cloud has it and the device knows. */
  async function publish(line: string): Promise<void> {
    const arrived = within(`event ${line}`, (resolve) => {
      cloud.on("event", ({ data }) => data.toString() === line && resolve(undefined));
    });
    device!.child.stdin!.write(`${line}\n`);
    await arrived;
    await device!.prints(/published \d+ Ok/);
  }

  nativeOnly("a full handshake, data both ways", async () => {
    program = await buildNative("boson-run", { sanitize: true, crypto });
    id = provisionDevice(directories).id;
    cloud = new LocalCloud(openCloudDirectory(directories.cloudDirectory));
    listener = await UdpListener.listen(cloud, { port: 0 });
    await start().prints(/connection Connected HandshakeDone Ok/);
    await publish("after a handshake");
    expect(await cloud.call(id, "double", "21")).toBe(42);
  });

  nativeOnly("killed and started again, it resumes", async () => {
    await device!.end("SIGKILL");
    await start().prints(/connection Connected SessionResumed Ok/);
    await publish("after a resume");
    expect(device!.output).not.toContain("Handshake");
  });

  nativeOnly(
    "another handshake in the same process, when the cloud asks for new keys",
    async () => {
      await cloud.rekey(id);
      await device!.prints(/HandshakeBecauseKeyChange[^]*connection Connected HandshakeDone Ok/);
      await publish("after new keys");
    },
  );

  nativeOnly("code may be freed between calls: the imports are linked again", async () => {
    await device!.end("SIGTERM");
    await start("--code", "1").prints(/connection Connected SessionResumed Ok/);
    await cloud.rekey(id);
    await device!.prints(/connection Connected HandshakeDone Ok/);
    await publish("little room");
  });

  nativeOnly("it ends with nothing that sanitizers complain about", async () => {
    expect(await device!.end("SIGTERM")).toBe(0);
    expect(device!.output).toMatch(/statistics .*"heapPeak"/);
    expect(device!.output).not.toMatch(/runtime error|Sanitizer/);
  });
});
