import { ConnectionState } from "../../bindings/node";
import { World } from "../support/world";
import { wireRecords } from "../support/wire";
const link = { loss: Number(process.argv[2] ?? 0), minDelay: 5400, maxDelay: 6600 };
const ft = Number(process.argv[3] ?? 9000);
const n = Number(process.argv[4] ?? 20);
const t0 = performance.now();
for (let seed = 1; seed <= n; seed++) {
  const world = new World({ seed, ...link, cloud: { flightTimeoutMs: ft } });
  world.connect();
  const ok = world.runUntil(() => world.state === ConnectionState.Connected, 3_600_000);
  console.log(seed, ok, world.now, world.count(), world.sessions.size);
  if (n === 1)
    for (const r of wireRecords(world))
      console.log(
        r.at,
        r.direction,
        r.type,
        r.epoch,
        r.content && r.type === 22 && r.epoch === 0 ? r.content[0] : r.message?.code,
      );
}
console.log(performance.now() - t0);
