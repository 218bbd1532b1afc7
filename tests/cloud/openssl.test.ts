// OpenSSL as a client of the standard profile: a full handshake with a pre-shared key, then the session by its id.
// Skipped where there is no `openssl` command that knows the suite.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UdpListener } from "../../cloud/udp-listener";
import { PSK, setupStandard } from "../support/standard-fixture";

const SUITE = "PSK-AES128-CCM8";
const { status } = spawnSync("openssl", ["ciphers", "-psk", `${SUITE}:@SECLEVEL=0`]);
/** CON GET /time. */
const REQUEST = Buffer.from("40010001b474696d65", "hex");

/** Connect, send a request, and return all that the command printed once it printed the answer. */
function client(port: number, ...more: string[]): Promise<string> {
  const command = spawn("openssl", [
    ...["s_client", "-dtls1_2", "-connect", `127.0.0.1:${port}`, "-ign_eof"],
    ...["-psk", PSK.key.toString("hex"), "-psk_identity", PSK.identity.toString()],
    ...["-cipher", `${SUITE}:@SECLEVEL=0`, ...more],
  ]);
  let output = "";
  let asked = false;
  const deadline = setTimeout(() => command.kill(), 10_000);
  const read = (part: Buffer): void => {
    output += part.toString("latin1");
    if (!asked && output.includes("Extended master secret")) command.stdin.write(REQUEST);
    asked ||= output.includes("Extended master secret");
    if (output.includes("\xff1728567680")) command.kill();
  };
  command.stdout.on("data", read);
  command.stderr.on("data", read);
  return new Promise((resolve) => {
    command.on("close", () => {
      clearTimeout(deadline);
      resolve(output);
    });
  });
}

(status === 0 ? test : test.skip)("a full handshake, and an abbreviated one", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cloud-"));
  const { cloud } = setupStandard({ wallClock: () => 1_728_567_680_000 });
  const listener = await UdpListener.listen(cloud, { port: 0 });
  try {
    const { port } = listener.address;
    const file = join(directory, "session.pem");
    const first = await client(port, "-sess_out", file);
    expect(first).toMatch(/New, .*Cipher is PSK-AES128-CCM8/);
    expect(first).toContain("Extended master secret: yes");
    expect(first).toContain("\xff1728567680");
    const second = await client(port, "-sess_in", file);
    expect(second).toMatch(/Reused, .*Cipher is PSK-AES128-CCM8/);
    expect(second).toContain("\xff1728567680");
    expect(cloud.counters).toEqual({});
  } finally {
    await listener.close();
    rmSync(directory, { recursive: true });
  }
});
