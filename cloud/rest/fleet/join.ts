// What other processes of a fleet cause in the API of this one.

import { StoredRegistry } from "../../store/stored-registry";
import type { Api } from "../api";
import type { CloudEvent } from "../event-bus";
import { publishFromFleet } from "../publication";
import type { FleetMember } from "./fleet-member";

/** Begin to take part. Returns once the broker knows. */
export async function joinFleet(api: Api, member: FleetMember): Promise<void> {
  await member.start({
    event: (event: CloudEvent) => {
      publishFromFleet(api, event);
      member.bus.receive(event);
    },
    changed: (table, key) => {
      if (table === "device-records") api.records.refresh(key);
      if (table === "webhooks") api.webhooks.refresh(key);
      const { registry } = api.cloud;
      if (table === "devices" && registry instanceof StoredRegistry) registry.refresh(key);
    },
  });
}
