// One process at a time in a data directory. Two clouds with the same sessions would use record numbers twice, and with
// them the same (key, nonce) pairs.

import { readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * Take a lock file. One whose process is gone is taken over.
 * @returns gives it back
 * @throws Error that names the process which has it
 */
export function takeLock(path: string): () => void {
  const mine = nameOf(process.pid);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, mine, { flag: "wx", mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const [pid, start] = (ownerOf(path) ?? "").split(" ");
    if (isRunning(Number(pid), start ?? "")) {
      throw new Error(`${path}: process ${pid} is running on this data directory`);
    }
    rmSync(path, { force: true });
  }
  throw new Error(`${path}: another process took it`);
}

/**
 * Take a lock file for as long as this process lives; it may take it again.
 * @throws Error that names the process which has it
 */
export function holdLock(path: string): void {
  if (ownerOf(path) !== nameOf(process.pid)) takeLock(path);
}

function nameOf(pid: number): string {
  return `${pid} ${startOf(pid)}`;
}

function ownerOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function isRunning(pid: number, start: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  // Process ids come back; with the time of its start one names a process for good.
  const now = startOf(pid);
  return now === "" || start === "" || now === start;
}

/** When a process started, in clock ticks since boot (proc(5), field 22); empty where there is no /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return "";
  }
}
