// How an event is published, as options of a call and as the bits that the core takes.

import { PublishOption } from "./abi";

export interface PublishOptions {
  contentFormat?: number;
  /** Seconds, 60 unless given. In a module with the publish queue: it fails if it has not gone out
   * by then; unless given it waits as long as it takes. */
  ttl?: number;
  /** Whether the server must acknowledge; unless given true over UDP, false over TCP. */
  confirmable?: boolean;
  /** The others need a module with the publish queue. */
  priority?: "low" | "normal" | "high";
  /** Take the place of a publish of the same name that still waits. */
  coalesce?: boolean;
  /** Send now or fail: Offline, RateLimited. */
  unqueued?: boolean;
}

/** The publish waits as long as it takes. */
export const NO_TTL = -1;
/** What the core of a module without a queue takes for a publish that says nothing. */
export const DEFAULT_TTL = 60;

/** PublishOption bits; in a module without a queue only the first may be set. */
export function publishBits(options: PublishOptions): number {
  const bit = (is: boolean | undefined, option: PublishOption): number => (is ? option : 0);
  return (
    bit(options.confirmable, PublishOption.Acknowledged) |
    bit(options.unqueued, PublishOption.Unqueued) |
    bit(options.coalesce, PublishOption.Coalesced) |
    bit(options.priority === "low", PublishOption.LowPriority) |
    bit(options.priority === "high", PublishOption.HighPriority)
  );
}
