import { Fixture } from "../support/fixture";

const FILE = "tests/unit/assembly/a.as.ts";
const SUPPORT = "tests/unit/assembly/support";

describe("unit test driver", () => {
  let fixture: Fixture;
  beforeEach(() => void (fixture = new Fixture().linkPackages()));
  afterEach(() => fixture.remove());

  function run(body: string) {
    fixture.copy(`${SUPPORT}/check.ts`, `${SUPPORT}/hal-stub.ts`, "assembly/hal.ts").write({
      [FILE]: `import { check, equal, equalBytes, bytes, finish } from "./support/check";\n${body}`,
    });
    return fixture.run("tools/unit.mjs", "--root", fixture.root, FILE);
  }

  test("passes what passes", () => {
    const { exitCode, output } = run('check("sum", 1 + 1 == 2);\nfinish();\n');
    expect(output).toBe("ok sum\n1 passed, 0 failed\n");
    expect(exitCode).toBe(0);
  });

  test("gives the core stand-ins for its imports", () => {
    const { exitCode } = run(`
      import { halRandomFill, halStorageRead, halStorageWrite, StorageSlot } from "../../../assembly/hal";
      const out = bytes("00000000");
      equal("random", halRandomFill(out, 4), 4);
      check("not zero", load<u32>(out) != 0);
      equal("write", halStorageWrite(StorageSlot.SessionA, bytes("010203"), 3), 3);
      equal("read", halStorageRead(StorageSlot.SessionA, out, 4), 3);
      equalBytes("the same", out, "010203");
      equal("slots are apart", halStorageRead(StorageSlot.SessionB, out, 4), 0);
      finish();
    `);
    expect(exitCode).toBe(0);
  });

  test.each([
    ["a failing check", 'check("sum", 1 + 1 == 3);\nfinish();\n', "not ok sum"],
    ["unequal numbers", 'equal("sum", 2, -3);\nfinish();\n', "not ok sum (got 2, expected -3)"],
    [
      "other bytes",
      'equalBytes("b", bytes("00 01"), "0002");\nfinish();\n',
      "got 0001, expected 0002",
    ],
    ["no check", "finish();\n", "no check ran"],
    ["no end", 'check("sum", true);\n', "does it end with finish()?"],
    ["a trap", 'check("sum", true);\nunreachable();\nfinish();\n', "unreachable"],
    ["a compile error", 'check("sum", nothing);\nfinish();\n', "Cannot find name 'nothing'"],
  ])("fails on %s", (_, body, complaint) => {
    const { exitCode, output } = run(body);
    expect(output).toContain(complaint);
    expect(exitCode).toBe(1);
  });
});
