// A connected device for tests of messages.

import { Status } from "../../bindings/node";
import { stringOption } from "../../cloud/coap/codec";
import type { CoapMessage, CoapOption } from "../../cloud/coap/codec";
import type { EventMessage } from "../../cloud/local-cloud";
import { Application } from "./application";
import { request } from "./wire";
import { World } from "./world";

export interface Setup {
  world: World;
  application: Application;
  /** Events that reached the cloud. */
  events: EventMessage[];
}

/** A connected device. `register` is done before it connects. */
export function connected(register: (application: Application) => void = () => {}): Setup {
  const world = new World();
  const application = new Application(world);
  register(application);
  const events: EventMessage[] = [];
  world.cloud.on("event", (event) => events.push(event));
  world.connectNow();
  world.run(1000);
  return { world, application, events };
}

/** Uri-Path options. */
export const path = (...segments: string[]): CoapOption[] =>
  segments.map((segment) => stringOption(11, segment));
/** A Uri-Query option. */
export const query = (value: string): CoapOption => stringOption(15, value);

/** The response to a request; fails when there is none. */
export async function response(
  world: World,
  message: { code: number; options: CoapOption[]; payload?: Buffer },
): Promise<CoapMessage> {
  const outcome = await request(world, message);
  if (outcome.kind !== "response") throw new Error(outcome.kind);
  return outcome.response;
}

/** Status that a refused publish throws. */
export function refusal(publish: () => unknown): number {
  try {
    publish();
  } catch (error) {
    return (error as { status: number }).status;
  }
  return Status.Ok;
}
