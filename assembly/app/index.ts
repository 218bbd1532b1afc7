// What an application imports.

export { Log } from "./log";
export { Particle, PublishFlag } from "./particle";
export { millis } from "./raw";
export { FullPolicy } from "../queue/queue";
export { Status } from "../status";
