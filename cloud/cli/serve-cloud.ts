// Runs a cloud in this process until a signal, and prints what happens.

import type { LocalCloud } from "../local-cloud";
import { runCloud } from "../rest/run";
import type { RunOptions, RunningCloud } from "../rest/run";

/** @throws Error when it cannot start */
export async function serveCloud(options: RunOptions): Promise<void> {
  const firstPassword = process.env.BOSON_PASSWORD;
  const running = await runCloud({ ...options, firstPassword });
  printEvents(running.cloud);
  announce(running, firstPassword !== undefined);
  const stop = (): void => void running.close().then(() => process.exit(0));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

function printEvents(cloud: LocalCloud): void {
  cloud.on("log", ({ level, message }) => console.log(`${level}: ${message}`));
  cloud.on("device", ({ deviceId, change, reason }) =>
    console.log(`device ${deviceId}: ${change}${reason === undefined ? "" : ` (${reason})`}`),
  );
  cloud.on("update", ({ deviceId, state, size, error }) => {
    const why = error ? `: ${error.message}` : "";
    if (state !== "progress") console.log(`update of ${deviceId}, ${size} bytes: ${state}${why}`);
  });
  cloud.on("event", ({ deviceId, name, data }) =>
    console.log(`event ${name} of ${deviceId}: ${JSON.stringify(data.toString("utf8"))}`),
  );
}

function announce({ cloud, udp, tcp, rest, newUser }: RunningCloud, passwordGiven: boolean): void {
  const { host, port } = udp.address;
  if (newUser) {
    const password = passwordGiven ? "as given" : newUser.password;
    console.log(`user ${newUser.username}, password ${password}`);
  }
  if (rest) console.log(`API on ${rest.url}`);
  if (tcp) console.log(`listening on TCP ${tcp.address.host}:${tcp.address.port}`);
  console.log(`listening on ${host}:${port} for ${cloud.devices.length} devices`);
}
