// The Node binding: `Device` for programs, `Core` for hosts with a pump of their own.

export * from "./abi";
export { Core, loadModule } from "./core";
export type {
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
export type { DeviceEvents, DeviceOptions } from "./device";
export { Link, StreamLink, decodeAddress, encodeAddress } from "./link";
export { FileStorage, MemoryStorage, encodePsk } from "./storage";
export type { Storage } from "./storage";
