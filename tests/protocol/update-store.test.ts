// The store of updates by itself: signed images arrive, in any order, and are there whole.

import { Status } from "../../bindings/node";
import { signApplication } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { UpdateDevice } from "../support/update-device";
import { TEST_UPDATE_KEY } from "../support/update-key";

const image = (bytes: number, version = 1): Buffer =>
  signApplication(applicationOf(bytes), TEST_UPDATE_KEY, { version });

test("a signed application is taken and shall run", () => {
  const device = new UpdateDevice();
  expect(device.opened).toBe(0);
  const file = image(5000);
  expect(device.update(file)).toBe(Status.Ok);
  expect(device.fileIn(0, file.length)).toEqual(file);
});
