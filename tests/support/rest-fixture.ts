// A cloud with its REST server, users and devices that run the real core over UDP, all in a folder that goes away.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Particle from "particle-api-js";
import { Device, FileStorage, loadModule } from "../../bindings/node";
import { UdpListener, provisionDevice } from "../../cloud";
import type { LocalCloud } from "../../cloud";
import { importDevices, openStoredCloud } from "../../cloud/rest/open";
import type { RestOptions } from "../../cloud/rest/options";
import { RestServer } from "../../cloud/rest/server";

const core = loadModule(path.resolve(__dirname, "../../build/boson.wasm"));

/** Of test users. */
export const PASSWORD = "correct horse battery";
export const USERNAME = "me@example.com";

/** Tests make more of everything than people do. */
const GENEROUS = { requestsPerMinute: 100_000, loginsPerMinute: 10_000 };

export class RestFixture {
  readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-rest-"));
  readonly devices: Device[] = [];
  cloud!: LocalCloud;
  server!: RestServer;
  private listener!: UdpListener;
  /** Listen on the same HTTP port after a restart; the UDP port always stays. */
  keepsPort = false;
  private udpPort = 0;
  private httpPort = 0;
  private closeStore!: () => Promise<void>;

  constructor(private readonly options: RestOptions = {}) {}

  async start(): Promise<this> {
    const stored = openStoredCloud(this.cloudFolder);
    this.cloud = stored.cloud;
    this.closeStore = () => stored.store.close();
    const limits = { ...GENEROUS, ...this.options.limits };
    const port = this.httpPort;
    this.server = await RestServer.listen(stored, { port, ...this.options, limits });
    // Clients keep connections for the next request; on a new port they cannot take a broken one.
    if (this.keepsPort) this.httpPort = this.server.address.port;
    this.listener = await UdpListener.listen(this.cloud, { port: this.udpPort });
    this.udpPort = this.listener.address.port;
    if (!this.server.api.users.find(USERNAME)) await this.addUser(USERNAME);
    return this;
  }

  get cloudFolder(): string {
    return path.join(this.folder, "cloud");
  }

  addUser(username: string): Promise<unknown> {
    return this.server.api.users.set(username, PASSWORD);
  }

  /** A token of a user, without a login. */
  token(username = USERNAME): string {
    return this.server.api.tokens.issue(username, "test", 3600_000).accessToken;
  }

  /** An official client that is logged in. */
  client(username = USERNAME): Particle {
    return new Particle({ baseUrl: this.server.url, auth: this.token(username) });
  }

  /** Keys on both sides; the running cloud learns of it. @returns the device id */
  provision(name: string, owner?: string): string {
    const deviceDirectory = path.join(this.folder, name);
    const { id } = provisionDevice({ cloudDirectory: this.cloudFolder, deviceDirectory, name });
    importDevices(this.cloud.registry, this.cloudFolder);
    if (owner !== undefined) this.server.api.records.update(id, { owner });
    return id;
  }

  storageOf(name: string): FileStorage {
    return new FileStorage(path.join(this.folder, name));
  }

  /** Where devices connect. */
  get devicePort(): number {
    return this.udpPort;
  }

  /** A device that is provisioned, not connected. */
  device(name: string, deviceId: string): Device {
    const device = new Device({
      module: core,
      storage: this.storageOf(name),
      deviceId,
      server: { host: "localhost", port: this.udpPort },
    });
    this.devices.push(device);
    return device;
  }

  /** Once the cloud has a device's describe. */
  described(deviceId: string): Promise<void> {
    return new Promise((resolve) => {
      const listen = (event: { deviceId: string; change: string }): void => {
        if (event.deviceId !== deviceId || event.change !== "describe") return;
        this.cloud.off("device", listen);
        resolve();
      };
      this.cloud.on("device", listen);
    });
  }

  /** A plain HTTP request. @param url from "/v1" on */
  async request(
    method: string,
    url: string,
    init: {
      token?: string;
      json?: unknown;
      headers?: Record<string, string>;
      body?: BodyInit;
    } = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers: Record<string, string> = { ...init.headers };
    if (init.token !== undefined) headers.authorization = `Bearer ${init.token}`;
    if (init.json !== undefined) headers["content-type"] = "application/json";
    const body = init.json === undefined ? init.body : JSON.stringify(init.json);
    const response = await fetch(this.server.url + url, { method, headers, body });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async stopCloud(): Promise<void> {
    await this.server.close();
    await this.listener.close();
    await this.closeStore();
  }

  async stop(): Promise<void> {
    for (const device of this.devices) device.stop();
    await this.stopCloud();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
