// Image areas as files: what flash would do, in a folder.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { FileImages, ImageArea } from "../../bindings/node";
import { signFirmware } from "../../tools/application/sign";
import { decodeImage } from "../../tools/application/image";
import { TEST_UPDATE_KEY } from "../support/update-key";

describe("image areas in a folder", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-images-"));
  const open = (): FileImages => new FileImages(folder, { application: 8192, firmware: 65_536 });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("have their capacity, and none where none was asked for", () => {
    const images = new FileImages(folder, { application: 4096 });
    expect(images.capacity(ImageArea.ApplicationB)).toBe(4096);
    expect(images.capacity(ImageArea.Firmware)).toBe(0);
    expect(() => images.erase(ImageArea.Firmware, 0, 4096)).toThrow();
  });

  test("keep what was written, each on its own, for the next process", () => {
    open().erase(ImageArea.ApplicationA, 0, 4096);
    open().write(ImageArea.ApplicationA, 100, Buffer.from("first"));
    open().write(ImageArea.ApplicationB, 4090, Buffer.from("second"));
    open().complete(ImageArea.ApplicationA, 0);
    expect(Buffer.from(open().read(ImageArea.ApplicationA, 98, 9)).toString("latin1")).toBe(
      "\xff\xfffirst\xff\xff",
    );
    expect(Buffer.from(open().read(ImageArea.ApplicationB, 4090, 6)).toString()).toBe("second");
    open().erase(ImageArea.ApplicationA, 0, 4096);
    expect(open().read(ImageArea.ApplicationA, 100, 5)).toEqual(new Uint8Array(5).fill(0xff));
  });

  test("what was never written reads as erased", () => {
    expect(open().read(ImageArea.Firmware, 60_000, 3)).toEqual(new Uint8Array(3).fill(0xff));
  });

  test("nothing is beyond the end", () => {
    expect(() => open().write(ImageArea.ApplicationA, 8190, Buffer.from("abc"))).toThrow(
      RangeError,
    );
    expect(() => open().read(ImageArea.ApplicationA, 8000, 200)).toThrow(RangeError);
  });

  test.each([1, 200, 40_000])("firmware of %i bytes is staged without its manifest", (length) => {
    const binary = Buffer.alloc(length, "firmware ");
    const file = signFirmware(binary, TEST_UPDATE_KEY, { version: 2 });
    const images = open();
    images.erase(ImageArea.Firmware, 0, 65_536);
    images.write(ImageArea.Firmware, 0, file);
    images.complete(ImageArea.Firmware, decodeImage(file).bodyOffset);
    expect(readFileSync(path.join(folder, "firmware.bin")).equals(binary)).toBe(true);
    expect(existsSync(path.join(folder, "firmware.bin.new"))).toBe(false);
  });
});
