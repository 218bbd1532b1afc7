// The module that asks its host for native crypto, on a host without: it computes by itself.

import path from "node:path";

import { ConnectionState, Status, loadModule } from "../../bindings/node";
import { Application } from "../support/application";
import { history } from "../support/history";
import { projectRoot } from "../support/fixture";
import { World } from "../support/world";

const asking = loadModule(path.join(projectRoot, "build/boson-native-crypto.wasm"));

test("it imports the functions of assembly/crypto/native.ts", () => {
  const names = WebAssembly.Module.imports(asking)
    .filter(({ module: space }) => space === "crypto")
    .map(({ name }) => name);
  expect(names.length).toBe(7);
});

test("a handshake, a publish, a resume: the same life as the core's", () => {
  const lives = [asking, undefined].map((each) => {
    const world = new World({ module: each });
    const application = new Application(world);
    world.connectNow();
    expect(world.state).toBe(ConnectionState.Connected);
    const first = application.publish("first", "data");
    world.run(1000);
    world.startDevice();
    application.install();
    const second = application.publish("second", "data");
    world.connect();
    world.run(5000);
    for (const handle of [first, second]) {
      expect(application.outcomes.get(handle)).toEqual([Status.Ok]);
    }
    return { steps: history(world), sizes: world.sent.slice(-2).map(({ bytes }) => bytes.length) };
  });
  expect(lives[0]).toEqual(lives[1]);
  expect(lives[0].steps.join()).toContain("Connected SessionResumed");
});
