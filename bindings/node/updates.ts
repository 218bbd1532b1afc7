// Updates over the air as a program sees them: what the core tells of them, what it can be asked, what
// it can be told. See docs/updates.md.

import { CoreError, EventKind, UpdateInfo } from "./abi";
import type { CoreExports, Status, UpdateState } from "./abi";
import type { CoreEvent } from "./core-events";

/** A step of an update. `image` is its kind: 1 application, 2 firmware, 3...6 commands; 0 unknown. */
export type UpdateStep =
  | { state: "started"; image: number; size: number }
  | { state: "progress"; received: number; size: number }
  /** Verified when `status` is Ok, else refused: nothing has changed. */
  | { state: "ended"; status: Status; version: number; image: number }
  /** Complete; waits for the gate, or for `updates.apply()`. */
  | { state: "pending"; version: number }
  /** Native firmware is staged: the program shall restart. */
  | { state: "firmware"; version: number };

/** How updates stand. */
export interface UpdateSummary {
  state: UpdateState;
  /** Of the application that runs, and of the one before; 0 for none. */
  version: number;
  formerVersion: number;
  lastStatus: Status;
  /** Bytes received without a gap, and all. */
  received: number;
  size: number;
  isEnabled: boolean;
  isGateOpen: boolean;
  /** 0 for none. */
  pendingVersion: number;
  /** Ms until the application that runs has proved itself; 0 when it has. */
  probation: number;
}

/** @returns the step that an event tells of; undefined for other events */
export function updateStep(event: CoreEvent): UpdateStep | undefined {
  switch (event.kind) {
    case EventKind.UpdateStarted:
      return { state: "started", image: event.image, size: event.size };
    case EventKind.UpdateProgress:
      return { state: "progress", received: event.received, size: event.size };
    case EventKind.UpdateEnded: {
      const { status, version, image } = event;
      return { state: "ended", status, version, image };
    }
    case EventKind.UpdatePending:
      return { state: "pending", version: event.version };
    case EventKind.FirmwareReady:
      return { state: "firmware", version: event.version };
    default:
      return undefined;
  }
}

/** What a program asks of updates. Each throws Error in a module that takes none. */
export class Updates {
  /**
   * @param clock device time, ms
   * @param pump drains the core after a command
   */
  constructor(
    private readonly core: CoreExports,
    private readonly clock: () => number,
    private readonly pump: () => void,
  ) {}

  /** @throws CoreError when the device has no place for images */
  get summary(): UpdateSummary {
    const { update_info } = this.exports;
    const state = update_info(UpdateInfo.State);
    if (state < 0) throw new CoreError(state, "updates");
    return {
      state,
      version: update_info(UpdateInfo.RunningVersion) >>> 0,
      formerVersion: update_info(UpdateInfo.FormerVersion) >>> 0,
      lastStatus: update_info(UpdateInfo.LastStatus),
      received: update_info(UpdateInfo.Received) >>> 0,
      size: update_info(UpdateInfo.Size) >>> 0,
      isEnabled: update_info(UpdateInfo.Enabled) !== 0,
      isGateOpen: update_info(UpdateInfo.GateOpen) !== 0,
      pendingVersion: update_info(UpdateInfo.PendingVersion) >>> 0,
      probation: update_info(UpdateInfo.Probation),
    };
  }

  /** Take updates, or refuse them; the cloud is told. */
  enable(isEnabled = true): void {
    const { update_enable } = this.exports;
    this.check("enable updates", update_enable(isEnabled ? 1 : 0, this.clock()));
  }

  /** Whether an update may be applied as soon as it is complete; if not, step "pending" follows. */
  gate(isOpen: boolean): void {
    this.check("gate", this.exports.update_gate(isOpen ? 1 : 0));
  }

  /** Apply the update that is pending. @throws CoreError when there is none */
  apply(): void {
    this.check("apply", this.exports.update_apply(this.clock()));
  }

  /** The application that runs is well: its probation ends. @throws CoreError when there is none */
  confirm(): void {
    this.check("confirm", this.exports.application_healthy(this.clock()));
  }

  /** Go back to the application before this one. @throws CoreError when there is none */
  rollback(): void {
    this.check("roll back", this.exports.update_rollback(this.clock()));
  }

  private get exports(): Required<CoreExports> {
    if (!this.core.update_open) throw new Error("this module takes no updates");
    return this.core as Required<CoreExports>;
  }

  private check(doing: string, status: number): void {
    if (status < 0) throw new CoreError(status, doing);
    this.pump();
  }
}
