// Waits for the timers of an engine, in real time, for the listeners.

import type { LocalCloud } from "./local-cloud";

const MAX_TIMEOUT_MS = 0x7fffffff;

export class EngineTimer {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly cloud: LocalCloud) {}

  /** Wait for what is due next, in place of what was waited for before. */
  restart(): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
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

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}
