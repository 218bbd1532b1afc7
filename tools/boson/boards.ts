// Names of boards and their platform ids, from boards/*/board.json.

import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { InvalidArgumentError } from "commander";

const FOLDER = resolve(__dirname, "../../boards");
/** A device in a process of its own: bindings/node, hal/posix. */
const POSIX = { name: "posix", platformId: 3 };

interface Board {
  name: string;
  platformId: number;
}

function boards(): Board[] {
  const folders = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const read = ({ name }: { name: string }): Board => {
    const board = JSON.parse(readFileSync(join(FOLDER, name, "board.json"), "utf8")) as Board;
    return { name, platformId: board.platformId };
  };
  return [...folders.map(read), POSIX];
}

export function boardNames(): string[] {
  return boards().map(({ name }) => name);
}

/** Name of a platform id, or the number. */
export function boardName(platformId: number): string {
  const board = boards().find((entry) => entry.platformId === platformId);
  return board?.name ?? `platform ${platformId}`;
}

/** Platform id of a name; a number is itself. @throws InvalidArgumentError */
export function platformOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 0xffff) return Number(text);
  const board = boards().find(({ name }) => name === text.toLowerCase());
  if (!board) throw new InvalidArgumentError(`It is one of ${boardNames().join(", ")}.`);
  return board.platformId;
}
