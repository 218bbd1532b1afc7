// The application of a device in a world: what it registers, how it answers, what it was told.
// It survives a reboot as a program does: `install` registers everything again.

import { EventKind, Status, VariableType } from "../../bindings/node";
import type { CoreEvent, PublishOptions } from "../../bindings/node";
import type { World } from "./world";

type Received = Extract<CoreEvent, { kind: EventKind.EventReceived }>;
type Value = boolean | number | string | Uint8Array;

/** A variable's value as `variable_result` takes it. */
function encodeValue(type: VariableType, value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const bytes = Buffer.alloc(8);
  switch (type) {
    case VariableType.Bool:
      return Uint8Array.of(value ? 1 : 0);
    case VariableType.Int:
      bytes.writeInt32LE(Number(value));
      return bytes.subarray(0, 4);
    case VariableType.Double:
      bytes.writeDoubleLE(Number(value));
      return bytes;
    default:
      return Buffer.from(String(value));
  }
}

export class Application {
  readonly calls: { name: string; argument: string }[] = [];
  readonly received: Received[] = [];
  readonly times: number[] = [];
  readonly signals: boolean[] = [];
  readonly subscriptionsDone: number[] = [];
  /** Statuses of PublishDone by handle: one each, if all is well. */
  readonly outcomes = new Map<number, number[]>();
  /** Statuses of answers that the core did not take. */
  readonly refused: number[] = [];
  private functions: [string, (argument: string) => number | undefined][] = [];
  private variables: [string, VariableType, () => Value | undefined][] = [];
  private subscriptions: [string, number][] = [];

  constructor(readonly world: World) {
    world.onEvent = (event) => this.handle(event);
  }

  /** Offer a function; one that returns undefined refuses the call. */
  function(name: string, handler: (argument: string) => number | undefined): this {
    this.functions.push([name, handler]);
    this.world.core.registerFunction(name, this.world.deviceNow);
    return this;
  }

  variable(name: string, type: VariableType, read: () => Value | undefined): this {
    this.variables.push([name, type, read]);
    this.world.core.registerVariable(name, type, this.world.deviceNow);
    return this;
  }

  subscribe(prefix: string, content = 0): this {
    this.subscriptions.push([prefix, content]);
    this.world.core.subscribe(prefix, content, this.world.deviceNow);
    return this;
  }

  /** Register everything with the core that runs now, after a reboot. */
  install(): this {
    const { core, deviceNow } = this.world;
    for (const [name] of this.functions) core.registerFunction(name, deviceNow);
    for (const [name, type] of this.variables) core.registerVariable(name, type, deviceNow);
    for (const [prefix, content] of this.subscriptions) core.subscribe(prefix, content, deviceNow);
    return this;
  }

  /** Publish and let the datagrams go. @returns handle */
  publish(name: string, data: string | Uint8Array = "", options: PublishOptions = {}): number {
    const handle = this.world.core.publish(name, data, options);
    this.outcomes.set(handle, []);
    this.world.drain();
    return handle;
  }

  /** Whether every publish so far has its end. */
  get isSettled(): boolean {
    return [...this.outcomes.values()].every((statuses) => statuses.length > 0);
  }

  private handle(event: CoreEvent): void {
    switch (event.kind) {
      case EventKind.PublishDone:
        this.outcomes.set(event.handle, [...(this.outcomes.get(event.handle) ?? []), event.status]);
        break;
      case EventKind.EventReceived:
        this.received.push(event);
        break;
      case EventKind.FunctionCall:
        this.call(event.number, event.call, event.argument);
        break;
      case EventKind.VariableRequest:
        this.read(event.number, event.call);
        break;
      case EventKind.Time:
        this.times.push(event.seconds);
        break;
      case EventKind.Signal:
        this.signals.push(event.on);
        break;
      case EventKind.SubscriptionsDone:
        this.subscriptionsDone.push(event.status);
        break;
      default:
        break;
    }
  }

  private call(number: number, call: number, argument: string): void {
    const { exports } = this.world.core;
    const [name, handler] = this.functions[number];
    this.calls.push({ name, argument });
    const result = handler(argument);
    const status =
      result === undefined ? exports.call_refused(call) : exports.function_result(call, result);
    if (status !== Status.Ok) this.refused.push(status);
  }

  private read(number: number, call: number): void {
    const { core } = this.world;
    const [, type, read] = this.variables[number];
    const value = read();
    const status =
      value === undefined
        ? core.exports.call_refused(call)
        : core.answerVariable(call, encodeValue(type, value));
    if (status !== Status.Ok) this.refused.push(status);
  }
}
