// A world whose device runs an application in its module: setup() at each start, loop() in virtual
// time, and sleep, during which the device is off and only its storage remains.

import { execFileSync } from "node:child_process";
import path from "node:path";

import { EventKind, loadModule } from "../../bindings/node";
import { projectRoot } from "./fixture";
import { QueueWorld } from "./queue-world";
import type { WorldOptions } from "./world";

/** How often loop() runs, ms. */
const LOOP_INTERVAL = 100;

export type Runtime = "stub" | "minimal";

/** Compile an application with the core, as `node tools/build.mjs --application` does. @returns file */
export function buildApplication(source: string, runtime: Runtime = "stub"): string {
  const name = path.basename(path.dirname(source));
  const out = `build/test-apps/${name}-${path.basename(source, ".ts")}.wasm`;
  const script = path.join(projectRoot, "tools/build.mjs");
  const parameters = ["--application", source, "--out", out, "--runtime", runtime];
  execFileSync(process.execPath, [script, ...parameters], {
    cwd: projectRoot,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return path.join(projectRoot, out);
}

export class AppWorld extends QueueWorld {
  /** Seconds of each sleep that the application asked for. */
  readonly sleeps: number[] = [];
  /** When the device wakes; undefined while it is awake. */
  private wakeAt: number | undefined;
  private loopAt = 0;

  constructor(file: string, options: WorldOptions = {}) {
    super({ module: loadModule(file), ...options });
    const note = this.onEvent;
    this.onEvent = (event) => {
      note(event);
      if (event.kind !== EventKind.Sleep) return;
      this.sleeps.push(event.seconds);
      this.wakeAt = this.now + event.seconds * 1000;
    };
  }

  /** Start the application: setup(). */
  boot(): void {
    const { app_clock, setup } = this.core.exports;
    app_clock!(this.deviceNow);
    setup!();
    this.drain();
    this.loopAt = this.now + LOOP_INTERVAL;
  }

  /** Let `ms` pass, with loop() in between; a device that sleeps is off and boots after it. */
  live(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      if (this.wakeAt !== undefined) this.sleep(Math.min(this.wakeAt, end));
      else this.awake(end);
    }
  }

  private awake(end: number): void {
    this.run(Math.min(this.loopAt, end) - this.now);
    if (this.now < this.loopAt || this.wakeAt !== undefined) return;
    const { app_clock, loop, __collect } = this.core.exports;
    app_clock!(this.deviceNow);
    loop!();
    __collect?.();
    this.drain();
    this.loopAt = this.now + LOOP_INTERVAL;
  }

  /** Nothing happens on the device; the cloud's timers go on. */
  private sleep(until: number): void {
    while (this.now < until) {
      const wait = this.cloud.pollTimeout(this.now);
      const next = wait < 0 ? Infinity : this.now + Math.max(wait, 1);
      this.now = Math.min(next, until);
      if (this.now === next) this.cloud.handleTimeout(this.now);
    }
    if (this.now !== this.wakeAt) return;
    this.wakeAt = undefined;
    this.startDevice();
    this.boot();
  }
}
