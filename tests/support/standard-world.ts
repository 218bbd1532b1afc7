// A world whose device speaks the standard profile: raw keys or a pre-shared key, CoAP requests.

import path from "node:path";

import {
  Credential,
  EventKind,
  MemoryStorage,
  Method,
  StorageSlot,
  encodePsk,
  loadModule,
} from "../../bindings/node";
import type { CoreEvent, RequestOptions } from "../../bindings/node";
import { projectRoot } from "./fixture";
import { DEVICE_ID, World } from "./world";
import type { WorldOptions } from "./world";

export const STANDARD_FILE = path.join(projectRoot, "build/boson-standard.wasm");
export const PSK_IDENTITY = "kitchen";
export const PSK = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");

let compiled: WebAssembly.Module | undefined;

export type Response = Extract<CoreEvent, { kind: EventKind.Response }>;

export interface StandardWorldOptions extends WorldOptions {
  credential?: Credential;
  /** Whether the device asks for a connection id; true unless given. */
  cid?: boolean;
}

export class StandardWorld extends World {
  readonly responses: Response[] = [];

  constructor(options: StandardWorldOptions = {}) {
    const { credential = Credential.RawPublicKey, cid = true } = options;
    const storage = options.storage ?? new MemoryStorage();
    storage.slots.set(StorageSlot.PreSharedKey, encodePsk(PSK_IDENTITY, PSK));
    compiled ??= loadModule(STANDARD_FILE);
    super({
      ...options,
      storage,
      module: options.module ?? compiled,
      device: { ...options.device, standard: { credential, cid } },
      cloud: {
        psk: (identity) =>
          identity.toString() === PSK_IDENTITY ? { key: PSK, deviceId: DEVICE_ID } : undefined,
        ...options.cloud,
      },
    });
    this.onEvent = (event) => {
      if (event.kind === EventKind.Response) this.responses.push(event);
    };
  }

  /** Send a request, and let the datagrams go. @returns its handle */
  request(options: Partial<RequestOptions> = {}): number {
    const { method = Method.Post, path: target = "echo" } = options;
    const handle = this.core.request({ ...options, method, path: target });
    this.drain();
    return handle;
  }

  /** The response to a request; undefined when none comes in time. */
  respond(handle: number, ms = 300_000): Response | undefined {
    const find = (): Response | undefined =>
      this.responses.find((response) => response.handle === handle);
    this.runUntil(() => find() !== undefined, ms);
    return find();
  }
}
