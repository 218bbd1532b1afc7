// What an application imports. Pins and buses are in ./board.

export { Log } from "./log";
export { ContentType, Particle, PublishFlag } from "./particle";
export { DataPlan, PublishQueue } from "./queue";
export { CloudStatus, System, SystemEvent, SystemMode } from "./system";
export { Time } from "./time";
export { CloudVariable } from "./variable";
export { Variant } from "./variant";
export { millis, publishBytes, registerFunction, registerVariable, subscribeTo } from "./raw";
export { BudgetPolicy, Plan } from "../meter/budget";
export { Meter } from "../meter/operations";
export { Diagnosis } from "../queue/diagnosis";
export { PublishOption } from "../queue/entries";
export { FullPolicy, NO_TTL } from "../queue/queue";
export { Status } from "../status";
