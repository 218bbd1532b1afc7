// Numbers of the publish queue that hosts and applications use. No state: an application module has
// them without the queue.

/** How a publish is to be treated; combine with `|`. Part of the host interface. */
export const enum PublishOption {
  /** The server must acknowledge; without it the publish goes out once. */
  Acknowledged = 1,
  /** Send now or fail: Status.Offline, Status.RateLimited. */
  Unqueued = 2,
  /** Take the place of a publish of the same name that still waits. */
  Coalesced = 4,
  LowPriority = 8,
  HighPriority = 16,
  /** No PublishDone event; the state can still be asked for. */
  Untold = 32,
  All = 63,
  /** Inside only: `expiresAt` is a time to live whose start is not known yet. */
  Fresh = 64,
}

/** What a publish that finds the queue full does. Part of the host interface. */
export const enum FullPolicy {
  /** It is refused: Status.NoSpace. */
  Refuse = 0,
  /** The oldest one that waits gives way; never one of a higher priority. */
  DropOldest = 1,
  /** The newest one that waits gives way; never one of a higher priority. */
  DropNewest = 2,
}

/** Time to live of a publish that waits as long as it takes. */
export const NO_TTL: u32 = 0xffffffff;

/** Part of the host interface. */
export const enum Diagnosis {
  /** No attempt has ended yet. */
  Unknown = 0,
  Connected = 1,
  /** The host could not open a socket: no network, or no such name. */
  NoNetwork = 2,
  /** Datagrams went out and none came back: no way to the Internet, or UDP is blocked. */
  Silent = 3,
  /** Something answers there that is not the cloud: a captive portal, a hijacked name. */
  PortalSuspected = 4,
  /** The server does not have the key that is pinned. */
  WrongServer = 5,
  /** The server refused: it does not know this device's key. */
  Refused = 6,
}
