// Updates as the API starts them: each is kept in the store until it ends, so that a cloud that was killed goes on with it
// when the device is back; and how the last one of each device ended.

import type { LocalCloud, UpdateReport } from "../local-cloud";
import type { Store, Table } from "../store/store";
import { UpdateFailed } from "../updates/refusal";
import { isoTime } from "./device-object";
import { storeIfPossible } from "./publication";

/** How long an update may wait for its device, ms. */
const PATIENCE_MS = 3600_000;

interface StoredUpdate {
  /** base64; absent: it is over. */
  file?: string;
  size: number;
  /** ms since 1970. */
  startedAt: number;
  endedAt?: number;
  /** Why it failed: a name, the device's number, a text. */
  reason?: string;
  code?: number;
  message?: string;
}

/** An update as the API shows it. */
export interface UpdateView {
  state: UpdateReport["state"] | "none";
  /** Bytes that the device has, and those of the file. */
  sent: number;
  size: number;
  started_at: string | null;
  ended_at: string | null;
  reason: string | null;
  code: number | null;
  message: string | null;
}

export class Updates {
  private readonly table: Table<StoredUpdate>;
  private readonly cancels = new Map<string, AbortController>();
  private closed = false;

  /** @param now ms since 1970 */
  constructor(
    private readonly cloud: LocalCloud,
    store: Store,
    private readonly now: () => number,
  ) {
    this.table = store.table("updates");
  }

  /** Go on with what another process has begun. */
  resume(): void {
    for (const [deviceId, stored] of this.table.entries()) {
      if (stored.file === undefined) continue;
      const patienceMs = stored.startedAt + PATIENCE_MS - this.now();
      if (patienceMs > 0 && this.cloud.registry.find(deviceId)) {
        const file = Buffer.from(stored.file, "base64");
        void this.flash(deviceId, file, { waitForDevice: true, patienceMs });
      } else {
        this.end(deviceId, stored, "timeout", "the cloud was away for too long");
      }
    }
  }

  /**
   * Start one.
   * @throws CloudError "device-offline", "update-under-way", "invalid-argument"; Error when it cannot be stored
   */
  start(deviceId: string, file: Buffer): void {
    // Throws at once for what cannot be begun.
    this.cloud.checkFlash(deviceId, file);
    const stored = { file: file.toString("base64"), size: file.length, startedAt: this.now() };
    this.table.put(deviceId, stored);
    void this.flash(deviceId, file, { patienceMs: PATIENCE_MS });
  }

  /** @returns false when none is under way */
  cancel(deviceId: string): boolean {
    const controller = this.cancels.get(deviceId);
    controller?.abort();
    return controller !== undefined;
  }

  viewOf(deviceId: string): UpdateView {
    const stored = this.table.get(deviceId);
    const report = this.cloud.updateOf(deviceId);
    const running = report && report.state !== "done" && report.state !== "failed";
    const ended = stored?.reason === undefined ? "done" : "failed";
    const past = stored && ({ state: ended, sent: ended === "done" ? stored.size : 0 } as const);
    const { state, sent } = (running ? report : past) ?? { state: "none", sent: 0 };
    return {
      ...{ state, sent },
      size: (running ? report.size : stored?.size) ?? 0,
      started_at: isoTime(stored?.startedAt),
      ended_at: isoTime(running ? undefined : stored?.endedAt),
      reason: (running ? undefined : stored?.reason) ?? null,
      code: (running ? undefined : stored?.code) ?? null,
      message: (running ? undefined : stored?.message) ?? null,
    };
  }

  /** The process ends: what is under way stays in the store. */
  close(): void {
    this.closed = true;
  }

  private async flash(
    deviceId: string,
    file: Buffer,
    options: { patienceMs: number; waitForDevice?: boolean },
  ): Promise<void> {
    const controller = new AbortController();
    this.cancels.set(deviceId, controller);
    let failure: unknown;
    try {
      await this.cloud.flash(deviceId, file, { ...options, signal: controller.signal });
    } catch (error) {
      failure = error;
    }
    this.cancels.delete(deviceId);
    if (this.closed) return;
    const stored = this.table.get(deviceId);
    if (!stored) return;
    if (failure === undefined) return this.end(deviceId, stored);
    const { message } = failure as Error;
    if (!(failure instanceof UpdateFailed)) return this.end(deviceId, stored, "failed", message);
    this.end(deviceId, stored, failure.reason, message, failure.deviceCode);
  }

  private end(
    deviceId: string,
    { size, startedAt }: StoredUpdate,
    reason?: string,
    message?: string,
    code?: number,
  ): void {
    const ended = { size, startedAt, endedAt: this.now(), reason, message, code };
    storeIfPossible(this.cloud, () => this.table.put(deviceId, ended));
  }
}
