// One publish as its caller sees it: where it is, and a promise of how it ends.

import { CoreError, Status } from "./abi";
import type { Core } from "./core";

export type PublicationState = "queued" | "sent" | "acknowledged" | "failed";

const STATES: Record<number, PublicationState> = { 1: "queued", 2: "sent", 3: "acknowledged" };

export class Publication {
  /** Resolves when it is acknowledged (or, without acknowledgement, sent); rejects with CoreError. */
  readonly done: Promise<void>;
  private settle!: (status: number) => void;
  private outcome: number | undefined;
  private last: PublicationState = "queued";

  constructor(
    private readonly core: Core,
    /** Number in the core, and the id that the cloud sees as token. */
    readonly handle: number,
    name: string,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.settle = (status) =>
        status === Status.Ok ? resolve() : reject(new CoreError(status, `publish "${name}"`));
    });
    // Who asks for the state need not await the promise.
    this.done.catch(() => {});
  }

  get state(): PublicationState {
    if (this.outcome !== undefined && this.outcome < 0) return "failed";
    const state = this.core.exports.queue_state?.(this.handle);
    // The core remembers 64 publishes; what an older one was at its end stays true.
    if (state !== undefined && state !== Status.NotFound) this.last = STATES[state] ?? "failed";
    return this.last;
  }

  /** Why it failed; undefined unless it has. */
  get reason(): Status | undefined {
    return this.outcome !== undefined && this.outcome < 0 ? this.outcome : undefined;
  }

  /** The core has ended it. */
  end(status: number): void {
    this.last = this.state;
    this.outcome = status;
    this.settle(status);
  }
}
