import { createHash, createPublicKey, verify } from "node:crypto";

import { Capability } from "../../tools/application/bridge";
import { ImageKind, decodeImage, encodeImage, encodeManifest } from "../../tools/application/image";
import {
  encodePinnedKeys,
  exportUpdateKey,
  makeUpdateKey,
  readUpdateKey,
  signApplication,
  signCommand,
  signFirmware,
  signImage,
  signKeys,
  verifyImage,
} from "../../tools/application/sign";
import { encodeModule, leb128 } from "../../tools/application/wasm-reader";
import { TEST_UPDATE_KEY, TEST_UPDATE_KEY_PEM } from "../support/update-key";

const { publicKey } = TEST_UPDATE_KEY;
/** A type section: () -> (). */
const BODY = Buffer.from("010401600000", "hex");
const FIELDS = {
  kind: ImageKind.Application,
  forced: true,
  version: 0x01020304,
  capabilities: 5,
  minimumAbi: 1,
  memoryKiB: 4,
  boards: [12, 32],
  keys: [],
};

/** The signed part of the manifest of FIELDS and BODY, field by field. */
const SIGNED_PART = Buffer.concat([
  Buffer.from("01 01 0100 04030201 05000000 0100 0400 06000000".replace(/ /g, ""), "hex"),
  createHash("sha256").update(BODY).digest(),
  Buffer.from("02 00 0c00 2000".replace(/ /g, ""), "hex"),
]);
/** Made once with the key of RFC 6979 §A.2.5. */
const SIGNATURE = Buffer.from(
  "5edba7c7cb60b45db1fdf801188f1d1a6940a7272bec98ab61a6bcee36bc3606" +
    "db104291c88f1f4b06ca00244ce8e53de96a8ef689708ee1c0bbc2596ca1a97c",
  "hex",
);
/** Header of WebAssembly; custom section of 129 bytes, its name; manifest; body. */
const FILE = Buffer.concat([
  Buffer.from("0061736d01000000 00 8101 06 77626f736f6e".replace(/ /g, ""), "hex"),
  SIGNED_PART,
  SIGNATURE,
  BODY,
]);

test("a manifest is these bytes", () => {
  expect(encodeManifest(FIELDS, BODY).equals(SIGNED_PART)).toBe(true);
  expect(encodeImage(Buffer.concat([SIGNED_PART, SIGNATURE]), BODY).equals(FILE)).toBe(true);
  expect(publicKey.toString("hex")).toBe(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6" +
      "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
  );
  const prefix = Buffer.from("77626f736f6e206d616e69666573742031", "hex");
  const key = createPublicKey(TEST_UPDATE_KEY_PEM);
  const signed = Buffer.concat([prefix, SIGNED_PART]);
  expect(verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, SIGNATURE)).toBe(true);
  const image = decodeImage(FILE);
  expect(image.manifest).toMatchObject({ ...FIELDS, bodyLength: 6 });
  expect(image.bodyOffset).toBe(FILE.length - BODY.length);
  expect(verifyImage(FILE, [makeUpdateKey().publicKey, publicKey]).version).toBe(0x01020304);
});

test("no bit of an image can be changed", () => {
  for (let bit = 0; bit < 8 * FILE.length; bit++) {
    const changed = Buffer.from(FILE);
    changed[bit >> 3] ^= 1 << (bit & 7);
    expect(() => verifyImage(changed, [publicKey])).toThrow();
  }
  for (let length = 0; length < FILE.length; length++) {
    expect(() => verifyImage(FILE.subarray(0, length), [publicKey])).toThrow();
  }
  expect(() => verifyImage(FILE, [makeUpdateKey().publicKey])).toThrow("none of these keys");
  expect(() => verifyImage(FILE, [])).toThrow("none of these keys");
});

/** A module with imports of () -> () or others, an empty body otherwise. */
function importing(...imports: [module: string, name: string, type: number][]): Buffer {
  const types = Buffer.from("0360000060027f7f017f60077f7f7f7f7f7f7f017f", "hex");
  const text = (value: string) => Buffer.concat([leb128(value.length), Buffer.from(value)]);
  const entries = imports.map(([module, name, type]) =>
    Buffer.concat([text(module), text(name), Buffer.from([0, type])]),
  );
  return encodeModule([
    { id: 0, content: Buffer.from("046e616d65", "hex") },
    { id: 1, content: types },
    { id: 2, content: Buffer.concat([leb128(imports.length), ...entries]) },
  ]);
}

test("an application is granted what it imports, and nothing else exists", () => {
  const module = importing(
    ["wboson", "fuel", 0],
    ["wboson", "publish", 2],
    ["wboson", "random", 1],
  );
  const file = signApplication(module, TEST_UPDATE_KEY, { version: 7, boards: [3], memoryKiB: 2 });
  const manifest = verifyImage(file, [publicKey]);
  expect(manifest.capabilities).toBe(Capability.Publish | Capability.Random);
  expect(manifest).toMatchObject({ version: 7, boards: [3], memoryKiB: 2, minimumAbi: 1 });
  expect(manifest.forced).toBe(false);
  expect(WebAssembly.validate(Uint8Array.from(file))).toBe(true);
  // Its name section is gone; what was signed can be signed again.
  expect(decodeImage(file).body.length).toBe(module.length - 8 - 7);
  const again = signApplication(file, TEST_UPDATE_KEY, { version: 8 });
  expect(decodeImage(again).body.equals(decodeImage(file).body)).toBe(true);

  const sign = (bytes: Buffer) => () => signApplication(bytes, TEST_UPDATE_KEY, { version: 1 });
  expect(sign(importing(["hal", "storage_read", 0]))).toThrow("imports hal.storage_read");
  expect(sign(importing(["wboson", "toString", 0]))).toThrow("imports wboson.toString");
  expect(sign(importing(["wboson", "fuel", 1]))).toThrow("wboson.fuel as (i32, i32) -> i32");
  expect(sign(Buffer.from("no module at all"))).toThrow("not a WebAssembly module");
});

test("commands and firmware are images, too", () => {
  for (const command of ["disable", "enable", "rollback"] as const) {
    const file = signCommand(command, TEST_UPDATE_KEY, { sequence: 9, boards: [12] });
    expect(WebAssembly.validate(Uint8Array.from(file))).toBe(true);
    const { kind, version, bodyLength } = verifyImage(file, [publicKey]);
    expect(ImageKind[kind].toLowerCase()).toBe(command);
    expect([version, bodyLength]).toEqual([9, 0]);
  }
  const keys = [makeUpdateKey().publicKey, makeUpdateKey().publicKey];
  const rotation = verifyImage(signKeys(keys, TEST_UPDATE_KEY, { sequence: 1 }), [publicKey]);
  expect(rotation.keys).toEqual(keys);
  const binary = Buffer.from("native");
  const firmware = decodeImage(signFirmware(binary, TEST_UPDATE_KEY, { version: 3, boards: [12] }));
  expect(firmware.body.equals(binary)).toBe(true);
  expect(firmware.manifest.kind).toBe(ImageKind.Firmware);
});

test("what a manifest cannot say is refused", () => {
  const sign = (change: object) => () => signImage({ ...FIELDS, ...change }, BODY, TEST_UPDATE_KEY);
  expect(sign({ version: 2 ** 32 })).toThrow("version 4294967296");
  expect(sign({ version: -1 })).toThrow("version -1");
  expect(sign({ boards: Array(9).fill(3) })).toThrow("more than 8 boards");
  expect(sign({ boards: [65536] })).toThrow("platform id 65536");
  expect(sign({ keys: [publicKey] })).toThrow("1 keys in an image of kind Application");
  expect(sign({ kind: ImageKind.Keys })).toThrow("0 keys");
  expect(sign({ kind: ImageKind.Keys, keys: Array(5).fill(publicKey) })).toThrow("5 keys");
  expect(sign({ kind: ImageKind.Keys, keys: [publicKey.subarray(1)] })).toThrow("64 bytes");
  expect(() => encodePinnedKeys([])).toThrow("one to four");
  expect(encodePinnedKeys([publicKey, publicKey])).toHaveLength(128);
});

test("an update key survives its file", () => {
  const key = makeUpdateKey();
  expect(readUpdateKey(exportUpdateKey(key)).publicKey).toEqual(key.publicKey);
  expect(() => readUpdateKey("no key")).toThrow();
});
