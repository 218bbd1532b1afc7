// The Node binding: `Device` for programs, `Core` for hosts with a pump of their own.

export * from "./abi";
export { Core, loadModule } from "./core";
export type {
  Board,
  CoreEvent,
  CoreOptions,
  PublishOptions,
  RequestOptions,
  StandardOptions,
  Transport,
} from "./core";
export { CoapClient, formatCode } from "./coap-client";
export type { CoapResponse } from "./coap-client";
export { Device } from "./device";
export type { DeviceEvents, DeviceOptions } from "./device-options";
export { readLedger, readUsage, setBudget } from "./data-plan";
export type { Budget, LedgerEntry, Usage } from "./data-plan";
export { ApplicationHost } from "./application-host";
export type { ApplicationChange } from "./application-host";
export type { ApplicationLimits } from "./application";
export { FileImages } from "./file-images";
export { MemoryImages } from "./images";
export type { Images } from "./images";
export { InternetResult } from "./internet-test";
export type { InternetTestOptions } from "./internet-test";
export { Publication } from "./publication";
export type { PublicationState } from "./publication";
export { FlightRecorder } from "./recorder";
export type { FlightRow } from "./recorder";
export { Link, StreamLink, decodeAddress, encodeAddress } from "./link";
export { Updates } from "./updates";
export type { UpdateStep, UpdateSummary } from "./updates";
export { FileStorage, MemoryStorage, encodePsk } from "./storage";
export type { Storage } from "./storage";
