// Values of command-line options.

import { InvalidArgumentError } from "commander";

export function portOf(text: string): number {
  return numberOf(text, 0, 0xffff);
}

export function countOf(text: string): number {
  return numberOf(text, 1, Number.MAX_SAFE_INTEGER);
}

/** A whole number. @throws InvalidArgumentError */
export function numberOf(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** An option that may be repeated. */
export function collect<T>(read: (text: string) => T): (text: string, before: T[]) => T[] {
  return (text, before) => [...before, read(text)];
}
