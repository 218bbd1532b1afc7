// What an application imports.

export { Log } from "./log";
export { Particle, PublishFlag } from "./particle";
export { System } from "./system";
export { millis, publishBytes, registerFunction, registerVariable, subscribeTo } from "./raw";
export { PublishOption } from "../queue/entries";
export { FullPolicy, NO_TTL } from "../queue/queue";
export { Status } from "../status";
