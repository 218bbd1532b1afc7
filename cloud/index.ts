// What programs and tests use of the local cloud.

export { LocalCloud } from "./local-cloud";
export type {
  AlertEvent,
  DatagramEvent,
  DeviceChange,
  DeviceInfo,
  FlashOptions,
  UpdateReport,
  UpdateResult,
  EventMessage,
  LocalCloudEvents,
  LocalCloudOptions,
  SessionInfo,
} from "./local-cloud";
export { UdpListener, DEFAULT_PORT } from "./udp-listener";
export { TcpListener, DEFAULT_TCP_PORT } from "./tcp/listener";
export { exportPkcs1, generateRsaKeyPair, rsaKeyPairFromPkcs1 } from "./tcp/rsa-keys";
export type { RsaKeyPair } from "./tcp/rsa-keys";
export type { StreamOutput, TcpLimits } from "./tcp/server";
export { Registry } from "./registry";
export type { RegisteredDevice } from "./registry";
export { FileStorage, MemoryStorage } from "./state-storage";
export type { StateStorage } from "./state-storage";
export { exportSec1, fingerprint, generateKeyPair, keyPairFromSec1 } from "./keys";
export type { KeyPair } from "./keys";
export {
  CLOUD_FILES,
  DEVICE_FILES,
  openCloudDirectory,
  prepareTcp,
  provisionDevice,
  provisionTcpDevice,
  readCloudDirectory,
} from "./provision";
export * from "./errors";
export { UpdateFailed } from "./updates/refusal";
export { ContentFormat } from "./device-protocol/events";
export type { ServerAddress } from "./device-protocol/server-moved";
export { HelloFlag } from "./device-protocol/hello";
export { DescribeType, VariableType } from "./device-protocol/describe";
export { CoapCode } from "./coap/codec";
export type { Profile } from "./dtls/negotiation";
export { coapResources } from "./resources/built-in";
export type { ResourceHandler, ResourceRequest, ResourceResponse } from "./resources/resource";
