/** One line of a result: a name and its numbers, with the unit in the key, e.g. `handshakeBytes`. */
export interface Row {
  id: string;
  [key: string]: number | string;
}

/** What a bench gives back. */
export interface Result {
  rows: Row[];
  /** Lines to print below the table, e.g. how a number was found. */
  notes?: string[];
}

/** Rows as aligned text: a column for every key, in order of first use; numbers to the right. */
export function formatTable(rows: Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => formatCell(row[column])))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const isNumber = columns.map((column) => rows.some((row) => typeof row[column] === "number"));
  const format = (line: string[]) =>
    line
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [format(lines[0]), rule, ...lines.slice(1).map(format)].join("\n");
}

function formatCell(value: number | string | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}
