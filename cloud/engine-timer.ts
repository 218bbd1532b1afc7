// Waits for the timers of an engine, in real time, for the listeners.

import type { LocalCloud } from "./local-cloud";

const MAX_TIMEOUT_MS = 0x7fffffff;

export class EngineTimer {
  private timer: NodeJS.Timeout | undefined;
  private search: NodeJS.Immediate | undefined;
  private stopped = false;

  constructor(private readonly cloud: LocalCloud) {}

  /**
   * Wait for what is due next, in place of what was waited for before. Once for all datagrams of a turn: to find out what
   * that is takes a look at each device.
   */
  restart(): void {
    if (this.stopped) return;
    this.search ??= setImmediate(() => this.wait());
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearImmediate(this.search);
  }

  private wait(): void {
    this.search = undefined;
    clearTimeout(this.timer);
    const timeoutMs = this.cloud.pollTimeout(performance.now());
    if (timeoutMs < 0) return;
    this.timer = setTimeout(
      () => {
        this.cloud.handleTimeout(performance.now());
        // What came of it may be for any listener.
        this.cloud.emit("wake");
      },
      Math.min(timeoutMs, MAX_TIMEOUT_MS),
    );
  }
}
