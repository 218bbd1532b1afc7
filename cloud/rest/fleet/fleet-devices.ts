// Which process of a fleet has which device, as the processes tell each other.

import type { DeviceInfo } from "../../local-cloud";

/** A process that was not heard for so long is gone, ms. */
const MEMBER_LIFETIME_MS = 7000;

interface RemoteDevice {
  member: string;
  info: DeviceInfo;
}

export class FleetDevices {
  private readonly devices = new Map<string, RemoteDevice>();
  private readonly members = new Map<string, number>();

  /** @param now ms, of any origin */
  constructor(private readonly now: () => number) {}

  /** A process has been heard. */
  hear(member: string): void {
    this.members.set(member, this.now());
  }

  note(member: string, info: DeviceInfo): void {
    this.hear(member);
    const known = this.devices.get(info.id);
    // That it is offline at the process which it has left says nothing.
    const hasLeft = known?.info.online && known.member !== member && !info.online;
    if (!hasLeft) this.devices.set(info.id, { member, info });
  }

  /** A process is gone: whatever it had is offline. */
  forget(member: string): void {
    this.members.delete(member);
    for (const [id, device] of this.devices) {
      if (device.member === member) this.devices.delete(id);
    }
  }

  /** Forget the processes that were not heard for long. */
  forgetSilent(): void {
    for (const [member, heardAt] of this.members) {
      if (this.now() - heardAt > MEMBER_LIFETIME_MS) this.forget(member);
    }
  }

  /** Where a device is, if another process has it, or had it later than this one. */
  elsewhere(here: DeviceInfo): RemoteDevice | undefined {
    const remote = this.devices.get(here.id);
    if (!remote || here.online) return undefined;
    if (remote.info.online) return remote;
    return (remote.info.lastHeard ?? 0) > (here.lastHeard ?? 0) ? remote : undefined;
  }
}
