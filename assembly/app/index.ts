// What an application imports. Pins and buses are in ./board.

export { Log } from "./log";
export { ContentType, Particle, PublishFlag } from "./particle";
export { DataPlan, PublishQueue } from "./queue";
export { CloudStatus, System, SystemEvent, SystemMode } from "./system";
export { Time } from "./time";
export { CloudVariable } from "./variable";
export { Variant } from "./variant";
export { millis, publishBytes, registerFunction, registerVariable, subscribeTo } from "./raw";
export { BudgetPolicy, Meter, Plan } from "../meter/numbers";
export { Diagnosis, FullPolicy, NO_TTL, PublishOption } from "../queue/numbers";
export { Status } from "../status";
