// What a device that runs in a terminal prints: a line for people, or a JSON object, for each thing that happens.

const LEVELS: [number, string][] = [
  [50, "error"],
  [40, "warn"],
  [30, "info"],
  [20, "trace"],
];

export class DevicePrinter {
  /** @param write gets whole lines */
  constructor(
    private readonly json: boolean,
    private readonly write: (line: string) => void,
  ) {}

  /** @param fields of the JSON object @param text for people */
  print(type: string, fields: Record<string, unknown>, text: string): void {
    const at = new Date().toISOString();
    this.write(this.json ? JSON.stringify({ at, type, ...fields }) : `${type}: ${text}`);
  }

  /** A line of the core's or the application's log. */
  log(level: number, text: string): void {
    const name = LEVELS.find(([least]) => level >= least)?.[1] ?? "trace";
    this.print("log", { level: name, text }, `${name} ${text}`);
  }
}
