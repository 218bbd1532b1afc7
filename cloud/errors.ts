// What a call of the in-process API may reject with. `code` is stable; the message is for people.

export type CloudErrorCode =
  | "unknown-device"
  | "device-offline"
  | "function-not-found"
  | "variable-not-found"
  | "timeout"
  | "rejected"
  | "session-closed"
  | "invalid-argument"
  | "bad-response"
  | "busy"
  | "update-refused"
  | "update-under-way"
  | "update-cancelled"
  | "update-failed";

export class CloudError extends Error {
  override name = "CloudError";
  constructor(
    readonly code: CloudErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** No device with this id is registered. */
export class UnknownDevice extends CloudError {
  override name = "UnknownDevice";
  constructor(deviceId: string) {
    super("unknown-device", `no device ${deviceId} is registered`);
  }
}

/** The device has no session, said goodbye, or stopped answering. */
export class DeviceOffline extends CloudError {
  override name = "DeviceOffline";
  constructor(deviceId: string) {
    super("device-offline", `device ${deviceId} is offline`);
  }
}

/** 4.04, or no answer from a device that does not list this function. */
export class FunctionNotFound extends CloudError {
  override name = "FunctionNotFound";
  constructor(name: string) {
    super("function-not-found", `no function "${name}"`);
  }
}

/** 4.04, or the device does not list this variable. */
export class VariableNotFound extends CloudError {
  override name = "VariableNotFound";
  constructor(name: string) {
    super("variable-not-found", `no variable "${name}"`);
  }
}

/** No response in time; the device may have got the request all the same. */
export class Timeout extends CloudError {
  override name = "Timeout";
  constructor(what: string) {
    super("timeout", `${what}: no response in time`);
  }
}

/** The device answered with an error code, or with a Reset (`coapCode` 0). */
export class Rejected extends CloudError {
  override name = "Rejected";
  constructor(
    what: string,
    readonly coapCode: number,
    readonly payload: Buffer,
  ) {
    super(
      "rejected",
      `${what}: refused with ${coapCode >> 5}.${String(coapCode & 31).padStart(2, "0")}`,
    );
  }
}

/** The session ended while the request was under way. */
export class SessionClosed extends CloudError {
  override name = "SessionClosed";
  constructor(what: string) {
    super("session-closed", `${what}: the session ended`);
  }
}
