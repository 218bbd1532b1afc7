// What an application imports.

export { Log } from "./log";
export { Particle, PublishFlag } from "./particle";
export { millis } from "./raw";
export { Status } from "../status";
