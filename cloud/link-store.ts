// What of the links survives a restart of the cloud: documents in a storage, written once for all changes of a turn.

import { count } from "./counters";
import type { Counters } from "./counters";
import type { DeviceLink } from "./device-link";
import type { Session } from "./dtls/session";
import type { StateStorage } from "./state-storage";

export class LinkStore {
  private readonly unsaved = new Map<DeviceLink, boolean>();

  /** @param now engine time, ms */
  constructor(
    private readonly storage: StateStorage,
    private readonly counters: Counters,
    private readonly now: () => number,
    private readonly log: (level: "info" | "warn", message: string) => void,
  ) {}

  /** A link has changed. @param durable it must survive a power cut, too */
  touch(link: DeviceLink, durable: boolean): void {
    this.unsaved.set(link, durable || (this.unsaved.get(link) ?? false));
  }

  /** Write down what has changed. What cannot be stored is logged. */
  saveTouched(): void {
    for (const [link, durable] of this.unsaved) {
      try {
        this.save(link, durable);
      } catch (error) {
        count(this.counters, "storage-failure");
        this.log("warn", `state of ${link.device.id} not stored: ${(error as Error).message}`);
      }
    }
    this.unsaved.clear();
  }

  /** @throws Error when it cannot be stored */
  save(link: DeviceLink, durable: boolean): void {
    this.storage.save(link.device.id, link.store(this.now()), durable);
  }

  /**
   * Take over everything that is stored; documents that are damaged or of another key are thrown away.
   * @param makeLink an empty link for a device; undefined: it is not registered
   * @param restored called for each link, with its session, if it had one
   */
  restore(
    makeLink: (deviceId: string) => DeviceLink | undefined,
    restored: (link: DeviceLink, session: Session | undefined) => void,
  ): void {
    for (const [deviceId, document] of this.storage.load()) {
      const link = makeLink(deviceId);
      if (!link) continue;
      try {
        restored(
          link,
          link.restore(document, this.now(), () => this.save(link, true)),
        );
      } catch (error) {
        this.storage.remove(deviceId);
        const reason = (error as Error).message;
        // Nobody can listen yet.
        queueMicrotask(() => this.log("warn", `state of ${deviceId} discarded: ${reason}`));
      }
    }
  }
}
