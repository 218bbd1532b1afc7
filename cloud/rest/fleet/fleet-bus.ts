// The event bus of a fleet: what is published here goes to listeners here and, over the broker, to those of all other
// processes.

import { LocalEventBus } from "../event-bus";
import type { CloudEvent, EventBus, EventFilter } from "../event-bus";
import type { Broker } from "./broker";
import type { FleetEvent } from "./messages";

export class FleetBus implements EventBus {
  private readonly here = new LocalEventBus();

  /** @param member the name of this process */
  constructor(
    private readonly broker: Broker,
    private readonly subject: string,
    private readonly member: string,
  ) {}

  publish(event: CloudEvent): void {
    this.here.publish(event);
    const message: FleetEvent = { member: this.member, event };
    this.broker.publish(this.subject, message);
  }

  subscribe(filter: EventFilter, listener: (event: CloudEvent) => void): () => void {
    return this.here.subscribe(filter, listener);
  }

  /** Bring an event of another process to listeners here. */
  receive(event: CloudEvent): void {
    this.here.publish(event, false);
  }
}
