// boson flash, versions: another file for a device, and what runs on it.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { ApiClient, devicePath } from "./api-client";
import { UpdateProgress } from "./update-progress";
import type { UpdateView } from "./update-progress";

const POLL_MS = 250;
/** What a device answers while the application before is on probation, which takes it 30 s. */
const BUSY = "busy";
const BUSY_RETRY_MS = 2000;
const BUSY_PATIENCE_MS = 45_000;

interface ModuleView {
  type: string;
  index: number;
  version: number;
  store: string;
  size: number | null;
  sha256: string | null;
}

interface ModulesView {
  modules: ModuleView[];
  update: UpdateView;
}

export function updateCommands(program: Command): void {
  program
    .command("flash <device> <file>")
    .description("send a device an application, a firmware or a command: a file of boson sign")
    .option("--no-wait", "fail at once while the application before is on probation")
    .option("--json", "print the end of it as JSON", false)
    .addHelpText("after", "\nThe device applies it by itself. Control-C cancels it.")
    .action(async (device: string, file: string, flags: { wait: boolean; json: boolean }) => {
      await flash(device, basename(file), readFileSync(file), flags);
    });
  program
    .command("versions <device>")
    .description("what runs on a device, what ran before, how the last update ended")
    .option("--json", "print it as JSON", false)
    .action(async (device: string, { json }: { json: boolean }) => {
      const view = await new ApiClient().request<ModulesView & Record<string, unknown>>(
        "GET",
        localPath(device, "modules"),
      );
      console.log(json ? JSON.stringify(view) : versionsText(view));
    });
}

/**
 * Send a file and show how it goes.
 * @param name of the file
 * @param wait until the application before is no longer on probation
 * @param json print the end of it as JSON, and nothing else
 * @throws Error with the device's reason
 */
export async function flash(
  device: string,
  name: string,
  file: Buffer,
  { wait, json }: { wait: boolean; json: boolean },
): Promise<void> {
  const client = new ApiClient();
  const progress = new UpdateProgress(process.stderr);
  const path = localPath(device, "update");
  let isCancelled = false;
  const cancel = (): void => {
    isCancelled = true;
    void client.request("DELETE", path).catch(() => {});
  };
  process.on("SIGINT", cancel);
  const deadline = Date.now() + (wait ? BUSY_PATIENCE_MS : 0);
  let view: UpdateView;
  for (;;) {
    await client.upload("PUT", devicePath(device), name, file);
    view = await follow(client, path, json ? undefined : progress);
    if (view.reason !== BUSY || isCancelled || Date.now() > deadline) break;
    if (!json) progress.say("the application before is on probation: waiting");
    await new Promise((resolve) => setTimeout(resolve, BUSY_RETRY_MS));
  }
  process.off("SIGINT", cancel);
  progress.end();
  if (json) console.log(JSON.stringify(view));
  if (view.state === "done") return;
  if (!json) throw new Error(view.message ?? "the update failed");
  process.exitCode = 1;
}

/** Watch an update until it ends. */
async function follow(
  client: ApiClient,
  path: string,
  progress: UpdateProgress | undefined,
): Promise<UpdateView> {
  for (;;) {
    const view = await client.request<UpdateView & Record<string, unknown>>("GET", path);
    progress?.show(view);
    if (view.ended_at !== null || view.state === "none") return view;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export function versionsText({ modules, update }: ModulesView): string {
  const lines = modules.map(({ store, type, version, size, sha256 }) =>
    [
      store.padEnd(8),
      type.padEnd(11),
      `version ${version}`,
      ...(size === null ? [] : [`${size} bytes`]),
      ...(sha256 === null ? [] : [`sha256 ${sha256.slice(0, 16)}`]),
    ].join("  "),
  );
  if (lines.length === 0) lines.push("the device has not described what runs on it");
  return [...lines, lastUpdate(update)].join("\n");
}

function lastUpdate(update: UpdateView): string {
  const { state, size, started_at: startedAt, ended_at: endedAt, message } = update;
  if (state === "none") return "no update so far";
  if (endedAt === null) return `update of ${size} bytes under way since ${startedAt}`;
  if (state === "done") return `last update ${endedAt}: ${size} bytes, taken`;
  return `last update ${endedAt}: ${message ?? "failed"}`;
}

function localPath(device: string, what: string): string {
  return `/v1/local/devices/${encodeURIComponent(device)}/${what}`;
}
