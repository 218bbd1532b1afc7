// The same over real TCP: an application, the next one, a bad one; the connection is never broken.

import { Status } from "../../bindings/node";
import { applicationImage } from "../support/application-modules";
import { UpdateBench } from "../support/update-bench";

describe("updates of a device over real TCP", () => {
  const bench = new UpdateBench("tcp");
  let connections = 0;
  beforeAll(async () => {
    await bench.start();
    bench.device.on("connected", () => (connections += 1));
  });
  afterAll(() => bench.stop());

  test("an application runs beside what the program offers; the next takes its place", async () => {
    const alive = bench.event("alive");
    await bench.cloud.flash(bench.id, await applicationImage("well", 1));
    expect(await alive).toBe("1");
    expect((await bench.functionsWith("ask")).sort()).toEqual(["ask", "programs"]);
    expect(await bench.cloud.call(bench.id, "ask", "confirm")).toBe(Status.Ok);
    const event = bench.event("temp");
    await bench.cloud.flash(bench.id, await applicationImage("sensor", 2));
    expect(await event).toMatch(/tenths/);
    expect((await bench.functionsWith("interval")).sort()).toEqual(["interval", "programs"]);
    bench.device.updates.confirm();
  });

  test("one that traps gives way to the one before", async () => {
    const begins = bench.change();
    await bench.cloud.flash(bench.id, await applicationImage("trap", 3));
    expect(await begins).toMatchObject({ status: Status.Ok, version: 3 });
    expect(await bench.change()).toMatchObject({ status: Status.ApplicationTrap, version: 2 });
    expect(await bench.functionsWith("interval")).toContain("interval");
    expect(connections).toBe(0);
  });
});
