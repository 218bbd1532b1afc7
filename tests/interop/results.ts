// What the interop rows measured: a table on standard output, and build/interop/results.json.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { outputFolder } from "./setup";
import type { Traffic } from "./tap";

export interface RowResult {
  server: string;
  version: string;
  mode: string;
  result: "passed" | "failed" | "skipped";
  /** Why it was skipped or failed. */
  reason?: string;
  /** UDP payload bytes and datagrams of each step. */
  handshake?: Traffic;
  exchange?: Traffic;
  /** The exchange after a change of the source port. */
  moved?: Traffic;
  resumption?: Traffic;
  /** How the server sent its handshake. */
  flights?: string;
}

const COLUMNS: [string, (row: RowResult) => string][] = [
  ["server", (row) => row.server],
  ["version", (row) => row.version],
  ["mode", (row) => row.mode],
  ["result", (row) => row.result],
  ["handshake", (row) => format(row.handshake)],
  ["exchange", (row) => format(row.exchange)],
  ["moved", (row) => format(row.moved)],
  ["resumed", (row) => format(row.resumption)],
  ["server's flights, or why not", (row) => row.reason ?? row.flights ?? ""],
];

/** "508+427 B/4": up, down, datagrams. */
function format(traffic: Traffic | undefined): string {
  return traffic ? `${traffic.up}+${traffic.down} B/${traffic.datagrams}` : "";
}

export function formatTable(rows: RowResult[]): string {
  const table = [
    COLUMNS.map(([title]) => title),
    ...rows.map((row) => COLUMNS.map(([, of]) => of(row))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...table.map((line) => line[column].length)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function report(client: string, rows: RowResult[]): void {
  mkdirSync(outputFolder, { recursive: true });
  const file = path.join(outputFolder, "results.json");
  writeFileSync(file, `${JSON.stringify({ client, rows }, null, 2)}\n`);
  process.stdout.write(`\nclient: ${client}; bytes are up+down of UDP payload / datagrams\n`);
  process.stdout.write(`${formatTable(rows)}\n`);
}
