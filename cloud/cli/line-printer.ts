// What commands print while something runs: a line for people, or a JSON object, for each thing that happens.

const LEVELS: [number, string][] = [
  [50, "error"],
  [40, "warn"],
  [30, "info"],
  [20, "trace"],
];

export class LinePrinter {
  constructor(readonly json: boolean) {}

  /** "type: text", or an object. @param fields of the object */
  print(type: string, fields: Record<string, unknown>, text: string): void {
    this.say(type, fields, `${type}: ${text}`);
  }

  /** @param line for people, as it is */
  say(type: string, fields: Record<string, unknown>, line: string): void {
    const at = new Date().toISOString();
    console.log(this.json ? JSON.stringify({ at, type, ...fields }) : line);
  }

  /** A line of the core's or an application's log. */
  log(level: number, text: string): void {
    const name = LEVELS.find(([least]) => level >= least)?.[1] ?? "trace";
    this.print("log", { level: name, text }, `${name} ${text}`);
  }
}

/** Print what a command has come to, one way or the other. */
export function printResult(json: boolean, result: unknown, text: string): void {
  const shown = json ? JSON.stringify(result) : text;
  if (shown !== "") console.log(shown);
}
