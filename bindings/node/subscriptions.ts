// Handlers of events by prefix. The protocol has eight subscriptions and no way to end one, so
// handlers share them: one whose prefix begins with a subscribed one, for the same content, needs none
// of its own, and ending a handler is local.

/** Name, data and Content-Format of an event. */
export type EventHandler = (name: string, data: Uint8Array, contentFormat: number) => void;

interface Wire {
  /** Number in the core. */
  number: number;
  prefix: string;
  content: number;
}

interface Registration {
  wire: number;
  prefix: string;
  handler: EventHandler;
}

export class Subscriptions {
  private readonly wires: Wire[] = [];
  private readonly registrations = new Set<Registration>();

  /**
   * Add a handler.
   * @param open subscribes on the wire, and returns the core's number
   * @returns a function that ends it
   */
  add(prefix: string, content: number, handler: EventHandler, open: () => number): () => void {
    let wire = this.wires.find(
      (known) => known.content === content && prefix.startsWith(known.prefix),
    );
    if (!wire) {
      wire = { number: open(), prefix, content };
      this.wires.push(wire);
    }
    const registration = { wire: wire.number, prefix, handler };
    this.registrations.add(registration);
    return () => void this.registrations.delete(registration);
  }

  /** Hand an event to the handlers of its subscription that it fits. @returns whether there was one */
  dispatch(wire: number, name: string, data: Uint8Array, contentFormat: number): boolean {
    const fitting = [...this.registrations].filter(
      (known) => known.wire === wire && name.startsWith(known.prefix),
    );
    for (const { handler } of fitting) handler(name, data, contentFormat);
    return fitting.length > 0;
  }
}
