// Runs a cloud in this process until a signal, and prints what happens.

import type { LocalCloud } from "../local-cloud";
import { runCloud } from "../rest/run";
import type { RunOptions, RunningCloud } from "../rest/run";
import { LinePrinter } from "./line-printer";

/** @param json print objects @throws Error when it cannot start */
export async function serveCloud(options: RunOptions, json = false): Promise<void> {
  const firstPassword = process.env.BOSON_PASSWORD;
  const running = await runCloud({ ...options, firstPassword });
  const printer = new LinePrinter(json);
  printEvents(running.cloud, printer);
  announce(running, firstPassword !== undefined, printer);
  const stop = (): void => void running.close().then(() => process.exit(0));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

function printEvents(cloud: LocalCloud, printer: LinePrinter): void {
  cloud.on("log", ({ level, message }) =>
    printer.say("log", { level, text: message }, `${level}: ${message}`),
  );
  cloud.on("device", (event) => {
    const { deviceId, change, reason } = event;
    const because = reason === undefined ? "" : ` (${reason})`;
    printer.say("device", event, `device ${deviceId}: ${change}${because}`);
  });
  cloud.on("update", (report) => {
    const { deviceId, state, sent, size, error } = report;
    if (state === "progress") return;
    const line = `update of ${deviceId}, ${size} bytes: ${state}${error ? `: ${error.message}` : ""}`;
    printer.say("update", { deviceId, state, sent, size, error: error?.message }, line);
  });
  cloud.on("event", ({ deviceId, name, data }) => {
    const text = data.toString("utf8");
    const line = `event ${name} of ${deviceId}: ${JSON.stringify(text)}`;
    printer.say("event", { deviceId, name, data: text }, line);
  });
}

function announce(
  { cloud, udp, tcp, rest, newUser }: RunningCloud,
  passwordGiven: boolean,
  printer: LinePrinter,
): void {
  const { host, port } = udp.address;
  if (newUser) {
    const { username } = newUser;
    const password = passwordGiven ? undefined : newUser.password;
    printer.say(
      "user",
      { username, password },
      `user ${username}, password ${password ?? "as given"}`,
    );
  }
  if (rest) printer.say("api", { url: rest.url }, `API on ${rest.url}`);
  if (tcp)
    printer.say("tcp", tcp.address, `listening on TCP ${tcp.address.host}:${tcp.address.port}`);
  const devices = cloud.devices.length;
  printer.say(
    "udp",
    { host, port, devices },
    `listening on ${host}:${port} for ${devices} devices`,
  );
}
