// Which process of a fleet has a device, as one of the others sees it.

import type { DeviceInfo } from "../../cloud";
import { FleetDevices } from "../../cloud/rest/fleet/fleet-devices";

let now: number;
let fleet: FleetDevices;

beforeEach(() => {
  now = 0;
  fleet = new FleetDevices(() => now);
});

function info(online: boolean, lastHeard?: number): DeviceInfo {
  const nothing = { name: "x", fingerprint: "", subscriptions: [] };
  return { id: "d", connected: online, online, lastHeard, ...nothing };
}

const memberOf = (here: DeviceInfo): string | undefined => fleet.elsewhere(here)?.member;

test("it is where it is online; offline, where it was heard last", () => {
  expect(memberOf(info(false))).toBeUndefined();
  fleet.note("a", info(true, 5));
  expect(memberOf(info(false, 9))).toBe("a");
  expect(memberOf(info(true, 1))).toBeUndefined();
  fleet.note("a", info(false, 5));
  expect(memberOf(info(false, 4))).toBe("a");
  expect(memberOf(info(false, 6))).toBeUndefined();
});

test("what the process says that it has left comes late, and changes nothing", () => {
  fleet.note("a", info(true, 5));
  fleet.note("b", info(true, 8));
  fleet.note("a", info(false, 5));
  expect(memberOf(info(false))).toBe("b");
  fleet.note("b", info(false, 9));
  expect(fleet.elsewhere(info(false))?.info.online).toBe(false);
});

test("a process that says nothing for 7 s is gone with its devices, also one that says so", () => {
  fleet.note("a", info(true));
  now = 5000;
  fleet.hear("a");
  now = 12_000;
  fleet.forgetSilent();
  expect(memberOf(info(false))).toBe("a");
  now = 12_001;
  fleet.forgetSilent();
  expect(memberOf(info(false))).toBeUndefined();
  fleet.note("b", info(true));
  fleet.forget("b");
  expect(memberOf(info(false))).toBeUndefined();
});
