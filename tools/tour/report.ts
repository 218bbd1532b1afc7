// The tour's log: numbered steps with their result, and indented lines of what happens meanwhile.

import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

const isColoured = process.stdout.isTTY && !process.env.NO_COLOR;

function paint(style: Style, text: string): string {
  return isColoured ? styleText(style, text) : text;
}

export class Report {
  private step = 0;
  private startedAt = 0;
  failures = 0;

  constructor(private readonly steps: number) {}

  title(text: string): void {
    console.log(paint("bold", text));
  }

  /** Begin a step. */
  begin(text: string): void {
    this.step += 1;
    this.startedAt = performance.now();
    console.log(`${paint("cyan", `[${this.step}/${this.steps}]`)} ${text}`);
  }

  /** Something that happens during a step, or between steps. */
  line(who: "device" | "cloud", text: string): void {
    console.log(paint("dim", `      ${who.padEnd(6)} ${text}`));
  }

  ok(text: string): void {
    const ms = Math.round(performance.now() - this.startedAt);
    console.log(`      ${paint("green", "ok")}     ${text}, ${ms} ms`);
  }

  failed(text: string): void {
    this.failures += 1;
    console.log(`      ${paint("red", "FAILED")} ${text}`);
  }
}
