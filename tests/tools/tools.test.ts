import { Fixture } from "../support/fixture";

describe("format, lint and typecheck", () => {
  let fixture: Fixture;
  beforeEach(() => {
    fixture = new Fixture().linkPackages();
    fixture.copy(".prettierrc.json", ".prettierignore", "eslint.config.mjs", "tsconfig.json");
    fixture.write({
      "assembly/a.ts":
        "// @ts-ignore: decorator\n@inline\nexport function a(): i32 {\n  return 1;\n}\n",
      "cloud/a.ts": "export const a: number = 1;\n",
    });
  });
  afterEach(() => fixture.remove());

  test.each(["format", "lint", "typecheck"])("%s accepts good files", (name) => {
    const { exitCode, output } = fixture.check(name);
    expect(output).toMatch(new RegExp(`^${name}: ok, `));
    expect(exitCode).toBe(0);
  });

  test.each([
    ["format", "cloud/b.ts", "export const b = 'b'\n"],
    ["format", "assembly/b.ts", "@inline export function b(): i32 { return 1 }\n"],
    ["lint", "cloud/b.ts", "export function b(): void {\n  let unused = 1;\n}\n"],
    ["lint", "cloud/b.ts", "async function b() {}\nexport function c(): void {\n  b();\n}\n"],
    ["lint", "assembly/b.ts", "export function b(): void {\n  new A();\n}\n"],
    ["lint", "assembly/b.ts", "export function b(): A {\n  return [1];\n}\n"],
    ["typecheck", "cloud/b.ts", "export const b: number = 'b';\n"],
  ])("%s refuses %s: %j", (name, file, text) => {
    const { exitCode, output } = fixture.write({ [file]: text }).check(name);
    expect(output).toContain(`${name}: ${file}`);
    expect(exitCode).toBe(1);
  });
});
