// OTA protocol v3 on the wire: every message that begins, carries and ends an update.

import { ConnectionState, EventKind, Status } from "../../bindings/node";
import { CoapCode } from "../../cloud/coap/codec";
import { signApplication } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { updating } from "../support/update-world";

const file = signApplication(applicationOf(3000), TEST_UPDATE_KEY, { version: 7 });

test("a signed application, from start to the application's change", () => {
  const { world, sender } = updating();
  expect(sender.start(file).code).toBe(CoapCode.Created);
  sender.sendAll();
  expect(sender.acks().at(-1)).toMatchObject({ sequence: sender.count, ahead: [] });
  sender.finish();
  const answer = sender.answer();
  expect(answer.code).toBe(CoapCode.Changed);
  world.run(100);
  expect(world.eventsOf(EventKind.UpdateEnded)).toMatchObject([{ status: Status.Ok, version: 7 }]);
  expect(world.eventsOf(EventKind.ApplicationChange)).toMatchObject([
    { status: Status.Ok, version: 7, length: file.length },
  ]);
  expect(world.state).toBe(ConnectionState.Connected);
});
