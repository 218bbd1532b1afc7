import { Fixture } from "../support/fixture";

describe("source", () => {
  let fixture: Fixture;
  beforeEach(() => void (fixture = new Fixture()));
  afterEach(() => fixture.remove());

  test("accepts relative paths and notes with an issue", () => {
    fixture.write({
      "README.md": "See ./home/page, ~/code/x and https://example.org/root/a.\n",
      "a.ts": `// ${"TO"}DO(#12): later\n`,
      "build/a.ts": "\t/home/somebody/x\n",
    });
    expect(fixture.check("source")).toEqual({ exitCode: 0, output: "source: ok, 2 files\n" });
  });

  test.each([
    ["a path of a machine", "a.md", `see ${"/ho"}me/somebody/x`],
    ["a path in quotes", "a.json", `"${"/Us"}ers/somebody"`],
    ["a note without an issue", "a.ts", `// ${"TO"}DO: later`],
    ["a tab", "a.c", "\tint a;"],
    ["a trailing blank", "a.h", "int a; "],
    ["a carriage return", "a.ts", "let a;\r"],
  ])("refuses %s", (_, file, text) => {
    const { exitCode, output } = fixture.write({ [file]: `first\n${text}\n` }).check("source");
    expect(output).toContain(`source: ${file}:2: `);
    expect(exitCode).toBe(1);
  });

  test("does not pass on nothing", () => {
    expect(fixture.check("source").exitCode).toBe(1);
  });
});
