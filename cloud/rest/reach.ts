// The devices that the API reaches: those of this process, and with a fleet those of the others.

import type { LocalCloud } from "../local-cloud";

type Calls = "call" | "read" | "ping" | "signal";

/** What a cloud offers; a device may be connected elsewhere. */
export interface Reach extends Pick<LocalCloud, "devices" | "device" | Calls> {
  /** End a session. @throws CloudError, also from the promise */
  disconnect(deviceId: string): void | Promise<void>;
}
