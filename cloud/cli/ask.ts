// Asks for a password: BOSON_PASSWORD of the environment, or the next line of the input.

import { createInterface } from "node:readline/promises";

export async function askPassword(username: string): Promise<string> {
  const given = process.env.BOSON_PASSWORD;
  if (given !== undefined) return given;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(`password of ${username}: `);
  } finally {
    terminal.close();
  }
}
