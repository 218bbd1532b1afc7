// Runs a bench: a module bench/NAME.ts that exports `run(): Promise<Result>`. Prints a table, and
// saves the rows as bench/results/NAME.json (not under version control).
// usage: npm run bench -- NAME
//        npm run --silent bench -- NAME --json    prints {"bench", "rows"} and nothing else

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

import { formatTable, type Result } from "./table";

const NOT_BENCHES = ["run", "table"];

function benchNames(): string[] {
  return readdirSync(__dirname)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.basename(file, ".ts"))
    .filter((name) => !NOT_BENCHES.includes(name));
}

async function runBench(name: string, asJson: boolean): Promise<void> {
  // What a bench prints on its way must not get into the JSON.
  if (asJson) console.log = console.info = console.error;
  const bench = (await import(path.join(__dirname, `${name}.ts`))) as {
    run(): Promise<Result>;
  };
  const { rows, notes = [] } = await bench.run();
  if (rows.length === 0) throw new Error(`${name} gave no rows`);
  const text = JSON.stringify({ bench: name, rows });
  const folder = path.join(__dirname, "results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.json`), `${text}\n`);
  const table = [formatTable(rows), ...notes].join("\n");
  process.stdout.write(`${asJson ? text : table}\n`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const [name] = positionals;
  if (positionals.length !== 1 || !benchNames().includes(name)) {
    throw new Error(`usage: npm run bench -- NAME [--json], NAME: ${benchNames().join(", ")}`);
  }
  await runBench(name, values.json);
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
