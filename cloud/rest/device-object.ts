// A device as the API shows it.

import { VariableType } from "../device-protocol/describe";
import { HelloFlag } from "../device-protocol/hello";
import type { Hello } from "../device-protocol/hello";
import type { DeviceInfo } from "../local-cloud";
import type { DeviceRecord } from "./device-records";

const VARIABLE_TYPE_NAMES: Record<VariableType, string> = {
  [VariableType.Boolean]: "bool",
  [VariableType.Integer]: "int32",
  [VariableType.String]: "string",
  [VariableType.Double]: "double",
};

/** What lists show. */
export function deviceSummary(device: DeviceInfo, record: DeviceRecord): Record<string, unknown> {
  const hello = device.lastHello;
  return {
    id: device.id,
    name: device.name,
    owner: record.owner ?? null,
    last_app: null,
    last_ip_address: record.lastIpAddress ?? null,
    last_heard: isoTime(device.lastHeard),
    last_handshake_at: isoTime(record.lastHandshakeAt),
    product_id: hello?.productId ?? null,
    online: device.online,
    connected: device.online,
    platform_id: hello?.platformId ?? null,
    cellular: false,
    notes: record.notes ?? null,
    firmware_version: hello?.productVersion ?? null,
    system_firmware_version: systemVersion(hello?.systemVersion),
    current_build_target: systemVersion(hello?.systemVersion),
    status: "normal",
    serial_number: null,
    groups: [],
    // Devices that take them take them unless they say otherwise.
    firmware_updates_enabled: record.updatesEnabled ?? takesUpdates(hello),
    firmware_updates_forced: record.updatesForced ?? false,
  };
}

/** What the page of one device shows. */
export function deviceDetails(device: DeviceInfo, record: DeviceRecord): Record<string, unknown> {
  const variables = Object.entries(device.variables ?? {}).map(([name, type]) => [
    name,
    VARIABLE_TYPE_NAMES[type],
  ]);
  return {
    ...deviceSummary(device, record),
    functions: device.online ? (device.functions ?? null) : null,
    variables: device.online && device.variables ? Object.fromEntries(variables) : null,
  };
}

function takesUpdates(hello: Hello | undefined): boolean {
  return ((hello?.flags ?? 0) & HelloFlag.UpdateProtocolV3) !== 0;
}

export function isoTime(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString();
}

/** 6200 is 6.2.0; the last digit of a hundred counts pre-releases in Device OS. */
function systemVersion(version: number | undefined): string | null {
  if (version === undefined || version < 100) return null;
  return [Math.floor(version / 1000), Math.floor(version / 100) % 10, version % 100].join(".");
}
