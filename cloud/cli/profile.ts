// Where the API is and the token for it: BOSON_URL and BOSON_TOKEN of the environment, else what `boson login` has
// written to $XDG_CONFIG_HOME/boson/profile.json, or ~/.config/boson/profile.json.

import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "../atomic-file";

export interface Profile {
  url: string;
  token?: string;
}

export const DEFAULT_URL = "http://127.0.0.1:9090";
/** Where commands look for the cloud's own files. */
export const DEFAULT_DATA = ".wboson/cloud";

export function profilePath(): string {
  const base = process.env.XDG_CONFIG_HOME || join(homedir(), ".config");
  return join(base, "boson", "profile.json");
}

/** @throws Error for a damaged file */
export function readProfile(): Profile {
  const stored = readStored();
  const url = process.env.BOSON_URL ?? stored.url ?? DEFAULT_URL;
  // A token is only for the place where it came from.
  const token = process.env.BOSON_TOKEN ?? (url === stored.url ? stored.token : undefined);
  return { url: url.replace(/\/+$/, ""), token };
}

export function writeProfile(profile: Profile): void {
  const path = profilePath();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileAtomically(path, `${JSON.stringify(profile, null, 2)}\n`, false);
}

function readStored(): Partial<Profile> {
  try {
    return JSON.parse(readFileSync(profilePath(), "utf8")) as Partial<Profile>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new Error(`${profilePath()}: ${(error as Error).message}`);
  }
}
