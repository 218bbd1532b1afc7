// A whole cloud in one process, as the commands run it: store, UDP, HTTP, the first user.

import { randomBytes } from "node:crypto";
import { unwatchFile, watchFile } from "node:fs";
import { join } from "node:path";
import type { LocalCloud } from "../local-cloud";
import { CLOUD_FILES, prepareTcp } from "../provision";
import { TcpListener } from "../tcp/listener";
import { DEFAULT_PORT, UdpListener } from "../udp-listener";
import { openFleetCloud } from "./fleet/open";
import type { FleetOptions } from "./fleet/open";
import { importDevices, openStoredCloud } from "./open";
import type { StoredCloud } from "./open";
import type { RestOptions } from "./options";
import { RestServer } from "./server";

export interface RunOptions {
  /** The data directory. */
  data: string;
  /** Be one of several processes that serve the same users and devices. */
  fleet?: FleetOptions;
  /** UDP. Default: 127.0.0.1, 5684. */
  host?: string;
  port?: number;
  /** TCP, at the same host; undefined: none. */
  tcpPort?: number;
  /** HTTP; false: none. */
  rest?: RestOptions | false;
  /** Name of the user that a cloud without users gets. Default: "dev". */
  firstUser?: string;
  /** Of that user. Default: a random one. */
  firstPassword?: string;
}

export interface RunningCloud {
  cloud: LocalCloud;
  udp: UdpListener;
  tcp?: TcpListener;
  rest?: RestServer;
  /** The user that was made just now; a random password is not to be had again. */
  newUser?: { username: string; password: string };
  close: () => Promise<void>;
}

/** How often devices that `provision` adds are looked for, ms. */
const WATCH_INTERVAL_MS = 1000;

/** Start. @throws Error when a port or the data directory is taken */
export async function runCloud(options: RunOptions): Promise<RunningCloud> {
  const { data, host = "127.0.0.1", port = DEFAULT_PORT } = options;
  const { tcpPort, fleet } = options;
  /** Where devices are provisioned. */
  const registrations = fleet?.directory ?? data;
  if (fleet && options.rest === false) throw new Error("a fleet needs the API");
  if (tcpPort !== undefined) await prepareTcp(registrations);
  const stored: StoredCloud = fleet ? await openFleetCloud(data, fleet) : openStoredCloud(data);
  const { cloud, store } = stored;
  const closing: (() => Promise<unknown>)[] = [() => store.close()];
  const { member } = stored;
  if (member) closing.push(() => member.close());
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    // The API first: an event that came before it listens would be acknowledged and kept by nobody.
    const rest = options.rest === false ? undefined : await RestServer.listen(stored, options.rest);
    if (rest) closing.push(() => rest.close());
    const newUser = rest && (await makeFirstUser(rest, options));
    if (rest) closing.push(watchRegistrations(rest, registrations));
    const udp = await UdpListener.listen(cloud, { port, host });
    closing.push(() => udp.close());
    const tcp =
      tcpPort === undefined ? undefined : await TcpListener.listen(cloud, { port: tcpPort, host });
    if (tcp) closing.push(() => tcp.close());
    return { cloud, udp, tcp, rest, newUser, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeFirstUser(
  { api: { users } }: RestServer,
  options: RunOptions,
): Promise<{ username: string; password: string } | undefined> {
  if (users.all.length > 0) return undefined;
  const username = options.firstUser ?? "dev";
  const password = options.firstPassword ?? randomBytes(12).toString("base64url");
  await users.set(username, password);
  return { username, password };
}

/** Take over devices that `provision` adds while the cloud runs. @returns ends it */
function watchRegistrations(rest: RestServer, directory: string): () => Promise<void> {
  claimForOnlyUser(
    rest,
    rest.api.cloud.devices.map(({ id }) => id),
  );
  const path = join(directory, CLOUD_FILES.registry);
  const importAll = (): void => importNow(rest, directory);
  watchFile(path, { interval: WATCH_INTERVAL_MS, persistent: false }, importAll);
  return async () => unwatchFile(path, importAll);
}

function importNow(rest: RestServer, directory: string): void {
  const { cloud } = rest.api;
  try {
    claimForOnlyUser(rest, importDevices(cloud.registry, directory));
  } catch (error) {
    // It may be half a file; the next change comes along here again.
    cloud.emit("log", { level: "warn", message: `devices not read: ${(error as Error).message}` });
  }
}

/** Who provisions devices on this machine wants to see them: with one user there is no doubt whose they are. */
function claimForOnlyUser({ api: { users, records } }: RestServer, deviceIds: string[]): void {
  const [user, ...others] = users.all;
  if (!user || others.length > 0) return;
  for (const id of deviceIds) {
    // A record says that it was claimed once, and removed by choice.
    if (!records.has(id)) records.update(id, { owner: user.username });
  }
}
