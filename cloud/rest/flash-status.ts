// The events "spark/flash/status" of updates, as tools wait for them: "started", then "success" or "failed". Devices publish
// them; for one that does not, the cloud does after a while.

import type { EventMessage, LocalCloud, UpdateReport } from "../local-cloud";

const NAME = "spark/flash/status";
/** How long a device may take to say it itself, ms. */
const GRACE_MS = 3000;

type Status = "started" | "success" | "failed";

interface Watched {
  /** What was said of this update, by the device or by the cloud. */
  said: Set<Status>;
  begun: boolean;
  timer?: NodeJS.Timeout;
}

/**
 * Watch the updates of a cloud.
 * @param publish says it for a device
 * @returns ends it
 */
export function watchFlashStatus(
  cloud: LocalCloud,
  publish: (deviceId: string, name: string, data: string) => void,
): () => void {
  const updates = new Map<string, Watched>();

  const say = (deviceId: string, status: Status): void => {
    const watched = updates.get(deviceId);
    if (!watched || watched.said.has(status)) return;
    watched.said.add(status);
    publish(deviceId, NAME, status);
  };
  const sayLater = (deviceId: string, status: Status): void => {
    const watched = updates.get(deviceId);
    if (!watched) return;
    clearTimeout(watched.timer);
    watched.timer = setTimeout(() => say(deviceId, status), GRACE_MS);
    watched.timer.unref();
  };
  const onUpdate = ({ deviceId, state }: UpdateReport): void => {
    const watched = updates.get(deviceId);
    if (state === "started" && !watched?.begun) {
      clearTimeout(watched?.timer);
      updates.set(deviceId, { said: new Set(), begun: true });
      sayLater(deviceId, "started");
    } else if (state === "done" || state === "failed") {
      if (!watched?.begun) return;
      watched.begun = false;
      // The end comes after the beginning, also where that took less than the grace.
      say(deviceId, "started");
      sayLater(deviceId, state === "done" ? "success" : "failed");
    }
  };
  const onEvent = ({ deviceId, name, data }: EventMessage): void => {
    if (name !== NAME) return;
    // "failed" has a number behind it.
    const [status] = data.toString("utf8").trim().split(" ");
    updates.get(deviceId)?.said.add(status as Status);
  };
  cloud.on("update", onUpdate);
  cloud.on("event", onEvent);
  return () => {
    cloud.off("update", onUpdate);
    cloud.off("event", onEvent);
    for (const { timer } of updates.values()) clearTimeout(timer);
  };
}
