// The host's part in the life of an application, with no application in it: what the core says shall
// run is verified, begun, and registers what a test wants. Faults are the test's to report.

import { EventKind, Status } from "../../bindings/node";
import type { CoreEvent } from "../../bindings/node";
import type { UpdateWorld } from "./update-world";

/** Verifying takes a step for each 4 KiB. */
const MOST_STEPS = 1000;

export class ApplicationHost {
  /** Version that runs; undefined for none. */
  running: number | undefined;
  /** Every start and end: version, or "none", and when. */
  readonly history: { at: number; version: number | undefined; status: number }[] = [];

  /** @param setup what the application does when it begins, by its version */
  constructor(
    readonly world: UpdateWorld,
    private readonly setup: (version: number) => void = () => {},
  ) {
    const former = world.onEvent;
    world.onEvent = (event: CoreEvent) => {
      former(event);
      if (event.kind === EventKind.ApplicationChange) this.run(event.status);
    };
  }

  private get exports() {
    return this.world.core.exports;
  }

  /** Run what the core names, as after power-up. */
  run(status: number = Status.Ok): void {
    const version = this.verified();
    this.running = version;
    this.history.push({ at: this.world.now, version, status });
    if (version === undefined) return;
    const began = this.exports.application_begin!(this.world.deviceNow);
    if (began !== Status.Ok) throw new Error(`application_begin answered ${began}`);
    this.setup(version);
  }

  private verified(): number | undefined {
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      if (this.exports.application_image!() < 0) return undefined;
      const status = this.exports.application_verify!();
      if (status === Status.Ok) return this.exports.application_version!();
    }
    throw new Error("application_verify does not end");
  }

  /** The application does what it must not. */
  fault(status: Status): void {
    this.running = undefined;
    this.exports.application_fault!(status, this.world.deviceNow);
    this.world.drain();
  }

  get versions(): (number | undefined)[] {
    return this.history.map(({ version }) => version);
  }
}
