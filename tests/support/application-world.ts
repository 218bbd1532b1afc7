// A world whose device runs an application module beside its core, in virtual time: each step of the
// application takes some of it, so that a call that goes on for ever is ended by the clock.

import { ApplicationHost } from "../../bindings/node";
import type { ApplicationLimits, CoreEvent } from "../../bindings/node";
import { QueueWorld } from "./queue-world";
import type { WorldOptions } from "./world";

export interface ApplicationWorldOptions extends WorldOptions {
  limits?: ApplicationLimits;
  /** Device time that one step of the application takes, ms; 0.001 unless given. */
  stepMs?: number;
}

export class ApplicationWorld extends QueueWorld {
  /** Undefined until `startApplication`. */
  host: ApplicationHost | undefined;
  /** The latest that a timer of the core was served, ms after it was due. */
  lateness = 0;
  private dueAt: number | undefined;
  private readonly stepMs: number;
  private readonly limits: ApplicationLimits;

  constructor(options: ApplicationWorldOptions = {}) {
    super(options);
    this.stepMs = options.stepMs ?? 0.001;
    this.limits = options.limits ?? {};
    const note = this.onEvent;
    this.onEvent = (event) => this.take(event, note);
  }

  private take(event: CoreEvent, note: (event: CoreEvent) => void): void {
    if (!this.host?.handleEvent(event)) note(event);
  }

  /** With the core that runs now: read the journal, and start the application that it names. */
  startApplication(): void {
    const clock = (steps: number): number => this.now + steps * this.stepMs;
    this.host = new ApplicationHost(this.core, { clock, ...this.limits });
    this.host.open(this.deviceNow);
    this.host.start(this.deviceNow);
    this.drain();
  }

  override drainDevice(): void {
    if (this.dueAt !== undefined) this.lateness = Math.max(this.lateness, this.now - this.dueAt);
    super.drainDevice();
    if (!this.host) return;
    if (this.core.exports.poll_timeout(this.deviceNow) === 0) {
      this.core.exports.handle_timeout(this.deviceNow);
      super.drainDevice();
    }
    const wait = this.core.exports.poll_timeout(this.deviceNow);
    this.dueAt = wait < 0 ? undefined : this.now + wait;
    if (!this.host.turn(this.deviceNow)) return;
    this.now += Math.ceil(this.host.stepsUsed * this.stepMs);
    super.drainDevice();
  }

  /** A call into the application may have ended after `limit`: time does not go back. */
  override step(limit: number): boolean {
    return this.now <= limit && super.step(limit);
  }

  protected override nextAt(): number | undefined {
    const next = super.nextAt();
    const wait = this.host?.timeout(this.deviceNow) ?? -1;
    if (wait < 0) return next;
    return Math.min(next ?? Infinity, this.now + wait);
  }
}
