// What one call into an application may take. An application cannot be interrupted from outside: its
// build calls the import `fuel` in every loop and in every function that calls, the core has verified
// that, and what has had enough is stopped by an exception out of that import.

import { Status } from "./abi";

/** Ends the call that runs: thrown through the application's frames, which cannot catch it. */
export class ApplicationStop extends Error {
  override name = "ApplicationStop";

  /** @param status Status.ApplicationTrap, ApplicationTime, ApplicationFlood */
  constructor(
    readonly status: Status,
    reason: string,
  ) {
    super(reason);
  }
}

export interface FuelOptions {
  /** Steps of one call; 50,000 unless given. */
  steps?: number;
  /** Longest time of one call, ms; 40 unless given. */
  milliseconds?: number;
  /** Time for that limit, ms, fractions allowed; tests in virtual time give their own. */
  clock?: (steps: number) => number;
}

const STEPS = 50_000;
const MILLISECONDS = 40;
/** Steps between two looks at the clock. */
const CLOCK_STEPS = 64;
/** Publishes in any second of device time that are no flood yet. */
const MAX_PUBLISHES = 100;
const SECOND = 1000;

export class Fuel {
  /** Steps that the present call, or the last one, has taken. */
  used = 0;
  /** Why the application is stopped, whatever became of the exception. */
  stopped: ApplicationStop | undefined;
  private endsAt = 0;
  private readonly publishes: number[] = [];
  private readonly steps: number;
  private readonly milliseconds: number;
  private readonly clock: (steps: number) => number;

  constructor(options: FuelOptions = {}) {
    this.steps = options.steps ?? STEPS;
    this.milliseconds = options.milliseconds ?? MILLISECONDS;
    this.clock = options.clock ?? (() => performance.now());
  }

  /** A call begins. */
  begin(): void {
    this.used = 0;
    this.endsAt = this.clock(0) + this.milliseconds;
  }

  /** One step. @throws ApplicationStop when the call has taken too many, or too long */
  step(): void {
    if (this.stopped) throw this.stopped;
    this.used += 1;
    if (this.used > this.steps) this.stop(Status.ApplicationTime, `took ${this.steps} steps`);
    if (this.used % CLOCK_STEPS === 0) this.checkTime();
  }

  /** @throws ApplicationStop when the call has taken too long */
  checkTime(): void {
    if (this.clock(this.used) < this.endsAt) return;
    this.stop(Status.ApplicationTime, `took ${this.milliseconds} ms`);
  }

  /** One publish. @param now device time, ms, 32 bits @throws ApplicationStop at a flood of them */
  publish(now: number): void {
    this.publishes.push(now);
    if (this.publishes.length <= MAX_PUBLISHES) return;
    const elapsed = (now - this.publishes.shift()!) >>> 0;
    if (elapsed >= SECOND) return;
    this.stop(Status.ApplicationFlood, `published over ${MAX_PUBLISHES} times in a second`);
  }

  /** Stop the application for good. @throws ApplicationStop always, and at each later step */
  stop(status: Status, reason: string): never {
    this.stopped = new ApplicationStop(status, reason);
    throw this.stopped;
  }
}
