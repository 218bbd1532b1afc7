// A world whose device has the publish queue (build/boson-api.wasm): publishes by handle, and what
// became of them; what reached the cloud, with ids.

import path from "node:path";

import { EventKind, Status, loadModule } from "../../bindings/node";
import type { CoreEvent, PublishOptions } from "../../bindings/node";
import type { EventMessage } from "../../cloud/local-cloud";
import { projectRoot } from "./fixture";
import { World } from "./world";
import type { WorldOptions } from "./world";

export const API_FILE = path.join(projectRoot, "build/boson-api.wasm");

/** What `queue_state` answers besides a negative Status. */
export const QUEUED = 1;
export const SENT = 2;
export const ACKNOWLEDGED = 3;

let compiled: WebAssembly.Module | undefined;

/** The module with the publish queue, compiled once a process. */
export function apiModule(): WebAssembly.Module {
  compiled ??= loadModule(API_FILE);
  return compiled;
}

export class QueueWorld extends World {
  /** Events that reached the cloud, repetitions of one delivery left out. */
  readonly received: (EventMessage & { at: number })[] = [];
  /** Statuses of PublishDone by handle: one each, if all is well. */
  readonly outcomes = new Map<number, number[]>();
  readonly flushes: { status: number; pending: number }[] = [];

  constructor(options: WorldOptions = {}) {
    super({ module: apiModule(), ...options });
    this.onEvent = (event) => this.note(event);
    this.listen();
  }

  /** Hear the cloud that runs now. */
  listen(): void {
    this.cloud.on("event", (event) => this.received.push({ ...event, at: this.now }));
  }

  private note(event: CoreEvent): void {
    if (event.kind === EventKind.PublishDone) {
      this.outcomes.set(event.handle, [...(this.outcomes.get(event.handle) ?? []), event.status]);
    }
    if (event.kind === EventKind.Flushed) this.flushes.push(event);
  }

  /** Publish, and let the datagrams go. @returns handle */
  publish(name: string, data: string | Uint8Array = "", options: PublishOptions = {}): number {
    const handle = this.core.publish(name, data, options);
    this.drain();
    return handle;
  }

  /** The Status of a publish that is refused; Ok when it is taken. */
  refusal(name: string, data: string | Uint8Array = "", options: PublishOptions = {}): number {
    try {
      this.publish(name, data, options);
    } catch (error) {
      return (error as { status: number }).status;
    }
    return Status.Ok;
  }

  stateOf(handle: number): number {
    return this.core.exports.queue_state!(handle);
  }

  get pending(): number {
    return this.core.exports.queue_pending!();
  }

  flush(timeout: number): void {
    this.core.exports.queue_flush!(timeout, this.deviceNow);
    this.drain();
  }

  /** Names of the events that reached the cloud, in order. */
  get names(): string[] {
    return this.received.map(({ name }) => name);
  }
}
