// Values of command-line options.

import { InvalidArgumentError } from "commander";

export function portOf(text: string): number {
  return numberOf(text, 0, 0xffff);
}

export function countOf(text: string): number {
  return numberOf(text, 1, Number.MAX_SAFE_INTEGER);
}

/** Seconds of a timeout. */
export function secondsOf(text: string): number {
  return numberOf(text, 1, 86_400);
}

/** ms, or -1. */
export function keepaliveOf(text: string): number {
  return text === "-1" ? -1 : numberOf(text, 1, 0x7fffffff);
}

export interface ServerName {
  host: string;
  port?: number;
}

/** HOST, HOST:PORT or [ADDRESS]:PORT. */
export function serverOf(text: string): ServerName {
  const found = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  if (!found) throw new InvalidArgumentError("It is HOST, HOST:PORT or [ADDRESS]:PORT.");
  const [, address, name, port] = found;
  return { host: address ?? name, port: port === undefined ? undefined : portOf(port) };
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
