// A double of the core's life cycle of applications, for tests of the host alone: what the host asks is
// noted, and the test says what is answered. The rest of the core is the real one.

import { MemoryImages, Status, UpdateInfo } from "../../bindings/node";
import type { Core } from "../../bindings/node";
import type { ApplicationWorld } from "./application-world";

export class LifecycleDouble {
  /** What the core says is to run. */
  area = 0;
  version = 1;
  capabilities = 0xff;
  /** What is left to verify, in slices; the status at its end. */
  slices = 1;
  verified: number = Status.Ok;
  /** Calls of the host, in order. */
  readonly calls: string[] = [];
  readonly faults: Status[] = [];
  readonly images = new MemoryImages();
  private length = 0;

  constructor(core: Core) {
    const exports = {
      ...core.exports,
      update_open: () => (this.length > 0 ? 1 : 0),
      application_image: () => this.area,
      application_length: () => this.length,
      application_version: () => this.version,
      application_capabilities: () => this.capabilities,
      application_verify: () => this.verify(),
      application_begin: () => this.note("begin"),
      application_fault: (status: Status) => {
        this.faults.push(status);
        return this.note("fault");
      },
      application_healthy: () => this.note("healthy"),
      update_enable: (enabled: number) => this.note(`enable ${enabled}`),
      update_gate: (open: number) => this.note(`gate ${open}`),
      update_apply: () => this.note("apply"),
      update_rollback: () => this.note("rollback"),
      update_info: (number: UpdateInfo) => (number === UpdateInfo.PendingVersion ? 9 : 1),
    };
    Object.assign(core, { exports });
    core.options.images = this.images;
  }

  /** Put a module where the core says that it is. */
  install(module: Uint8Array, area = 0): this {
    this.images.areas.get(area)!.set(module);
    this.area = area;
    this.length = module.length;
    return this;
  }

  private verify(): number {
    this.slices -= 1;
    return this.slices > 0 ? 1 : this.verified;
  }

  private note(call: string): number {
    this.calls.push(call);
    return Status.Ok;
  }
}

/** Give a world's device an application, without the core's life cycle. */
export function runAlone(world: ApplicationWorld, module: Uint8Array): LifecycleDouble {
  const double = new LifecycleDouble(world.core).install(module);
  world.startApplication();
  return double;
}
