// The core as the client of the interop suite: one device of the `standard` profile in this process.

import path from "node:path";

import {
  CoapClient,
  CoreError,
  Credential,
  Device,
  MemoryStorage,
  Method,
  Reason,
  Statistic,
  Status,
  StorageSlot,
  encodePsk,
  loadModule,
} from "../../bindings/node";
import type { Answer, ClientStats, ConnectOptions, Credentials, InteropClient } from "./client";

const MODULE = path.resolve(__dirname, "../../build/boson-standard.wasm");
const CONNECT_TIMEOUT = 15_000;
const EXCHANGE_TIMEOUT = 10_000;
/** User disconnect: in the standard profile it says close_notify. */
const GOODBYE = 2;

/** A promise that fails after `ms`. */
function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Keys into the slots that provisioning fills. @returns what the device shows */
function provision(storage: MemoryStorage, credentials: Credentials): Credential {
  if ("psk" in credentials) {
    const { identity, key } = credentials.psk;
    storage.slots.set(StorageSlot.PreSharedKey, encodePsk(identity, key));
    return Credential.PreSharedKey;
  }
  const isRaw = "rpk" in credentials;
  const { privateKeyDer, serverSpki } = isRaw ? credentials.rpk : credentials.x509;
  storage.slots.set(StorageSlot.DevicePrivateKey, privateKeyDer);
  storage.slots.set(StorageSlot.ServerPublicKey, serverSpki);
  if (isRaw) return Credential.RawPublicKey;
  storage.slots.set(StorageSlot.Certificate, credentials.x509.certificateDer[0]);
  return Credential.Certificate;
}

class CoreClient implements InteropClient {
  readonly stats: ClientStats = {
    handshake: "full",
    up: { datagrams: 0, bytes: 0 },
    down: { datagrams: 0, bytes: 0 },
  };
  private readonly coap: CoapClient;

  constructor(private readonly device: Device) {
    this.coap = new CoapClient(device);
    device.on("datagram", ({ direction, bytes }) => {
      this.stats[direction].datagrams += 1;
      this.stats[direction].bytes += bytes.length;
    });
  }

  async connect(): Promise<void> {
    const failure = new Promise<never>((_, reject) => {
      this.device.on("connection", ({ reason, status }) => {
        if (reason === Reason.HandshakeFailed) reject(new Error(`handshake failed: ${status}`));
      });
    });
    failure.catch(() => {});
    const { reason } = await within(
      Promise.race([this.device.connect(), failure]),
      CONNECT_TIMEOUT,
      "connection",
    );
    this.stats.handshake = reason === Reason.SessionIdResumed ? "resumed" : "full";
    const length = this.device.core.statistic(Statistic.ConnectionIdLength);
    this.stats.connectionIdLength = length > 0 ? length : undefined;
  }

  async exchange(
    method: "GET" | "POST" | "PUT",
    target: string,
    payload?: Uint8Array,
  ): Promise<Answer> {
    const code = { GET: Method.Get, POST: Method.Post, PUT: Method.Put }[method];
    const options = { timeout: EXCHANGE_TIMEOUT };
    try {
      return await this.coap.request(code, target.replace(/^\//, ""), payload, options);
    } catch (error) {
      const isReset = error instanceof CoreError && error.status === Status.MessageReset;
      if (isReset) return { code: "reset", payload: new Uint8Array() };
      throw error;
    }
  }

  async rebind(): Promise<void> {
    await this.device.rebind();
  }

  async resumeSession(): Promise<void> {
    await this.device.disconnect({ goodbye: GOODBYE });
    await this.connect();
  }

  async close(): Promise<void> {
    await this.device.disconnect({ goodbye: GOODBYE });
    this.device.stop();
  }
}

/** See `Connect` in client.ts. */
export async function connect({ port, credentials, cid = false }: ConnectOptions) {
  const storage = new MemoryStorage();
  const credential = provision(storage, credentials);
  const device = new Device({
    module: loadModule(MODULE),
    storage,
    deviceId: "0123456789abcdef01234567",
    server: { host: "127.0.0.1", port },
    standard: { credential, cid },
  });
  const client = new CoreClient(device);
  try {
    await client.connect();
    return client;
  } catch (error) {
    device.stop();
    throw error;
  }
}
