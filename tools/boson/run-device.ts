// Runs one device until Ctrl-C, and prints what happens to it.

import path from "node:path";
import { createInterface } from "node:readline";

import {
  ConnectionState,
  CoreError,
  Device,
  FileImages,
  FileStorage,
  Reason,
  Status,
  StorageSlot,
  VariableType,
  loadModule,
} from "../../bindings/node";
import type { DeviceOptions, Transport, UpdateStep } from "../../bindings/node";
import { LinePrinter } from "../../cloud/cli/line-printer";

export interface DeviceRun {
  /** The module. */
  file: string;
  /** Folder of keys and session. */
  storage: string;
  deviceId: string;
  /** Its keys have just been made. */
  isNew: boolean;
  /** Forget the session of the last time. */
  newSession: boolean;
  server: { host: string; port: number };
  transport: Transport;
  /** ms; undefined: the core's own. */
  keepalive: number | undefined;
  /** ms until it must be connected; undefined: it may take for ever. */
  connectTimeoutMs: number | undefined;
  json: boolean;
}

/** Cloud disconnect reason "user". */
const GOODBYE_USER = 2;
/** ms that a goodbye may take. */
const GOODBYE_MS = 3000;
const NOTHING = new Uint8Array();
/** Folder of applications and firmware that came over the air, in that of keys and session. */
const IMAGES = "images";
/** Bytes of native firmware that are taken. */
const FIRMWARE_CAPACITY = 1_048_576;

/** @returns the exit code, once it has ended. @throws Error for a module or keys that will not do */
export async function runDevice(run: DeviceRun): Promise<number> {
  const printer = new LinePrinter(run.json);
  const { host, port } = run.server;
  const made = run.isNew ? ", new keys" : "";
  const facts = { id: run.deviceId, server: run.server, transport: run.transport, new: run.isNew };
  printer.print("device", facts, `${run.deviceId}, server ${host}:${port}/${run.transport}${made}`);
  const storage = new FileStorage(run.storage);
  if (run.newSession) {
    for (const slot of [StorageSlot.SessionA, StorageSlot.SessionB]) storage.write(slot, NOTHING);
  }
  const module = loadModule(run.file);
  const device = new Device({
    module,
    storage,
    ...updateOptions(module, run.storage),
    ...{ deviceId: run.deviceId, server: run.server, transport: run.transport },
    keepalive: run.keepalive,
    log: (level, text) => printer.log(level, text),
  });
  watch(device, printer);
  watchUpdates(device, printer);
  const { app_clock: runsApplication, update_open: takesUpdates } = device.core.exports;
  try {
    // With updates, the application that came last may have begun already.
    if (!runsApplication && !takesUpdates) offerSomething(device, printer);
    const end = endOf(device, printer, run.connectTimeoutMs);
    void device.connect();
    return await end;
  } finally {
    device.stop();
  }
}

/** A module that takes updates gets a place for them, and runs the application that they bring. */
function updateOptions(module: WebAssembly.Module, storage: string): Partial<DeviceOptions> {
  const takesUpdates = WebAssembly.Module.exports(module).some(
    ({ name }) => name === "update_open",
  );
  if (!takesUpdates) return {};
  const images = new FileImages(path.join(storage, IMAGES), { firmware: FIRMWARE_CAPACITY });
  return { images, application: true };
}

function watch(device: Device, printer: LinePrinter): void {
  device.on("connection", ({ state, reason, status }) => {
    const [stateName, reasonName] = [ConnectionState[state], Reason[reason]];
    const statusName = status === Status.Ok ? undefined : (Status[status] ?? String(status));
    const because = reason === Reason.None ? "" : ` (${reasonName})`;
    const fields = { state: stateName, reason: reasonName, status: statusName };
    printer.print(
      "connection",
      fields,
      `${stateName}${because}${statusName ? `, ${statusName}` : ""}`,
    );
  });
  device.on("event", ({ name, data }) => {
    const text = Buffer.from(data).toString();
    printer.print("event", { name, data: text }, `${name} ${text}`);
  });
  device.on("time", ({ seconds }) => {
    const time = new Date(seconds * 1000).toISOString();
    printer.print("time", { seconds }, time);
  });
  device.on("signal", ({ on }) => printer.print("signal", { on }, on ? "on" : "off"));
  device.on("serverMoved", ({ host, port }) =>
    printer.print("server moved", { host, port }, `${host}:${port}`),
  );
}

function watchUpdates(device: Device, printer: LinePrinter): void {
  device.on("update", (step) => {
    const fields = step.state === "ended" ? { ...step, status: statusName(step.status) } : step;
    printer.print("update", fields, textOf(step));
  });
  device.on("application", ({ area, status, version }) => {
    const reason = status === Status.Ok ? undefined : (Status[status] ?? String(status));
    const what = area < 0 ? "none" : `version ${version}`;
    const fields = area < 0 ? { reason } : { version, reason };
    printer.print("application", fields, `${what}${reason ? ` (${reason})` : ""}`);
  });
}

function statusName(status: Status): string {
  return Status[status] ?? String(status);
}

function textOf(step: UpdateStep): string {
  switch (step.state) {
    case "started":
      return `started, ${step.size} bytes`;
    case "progress":
      return `${step.received} of ${step.size} bytes`;
    case "ended":
      return step.status === Status.Ok
        ? `version ${step.version} verified`
        : `refused (${statusName(step.status)})`;
    case "pending":
      return `version ${step.version} waits`;
    case "firmware":
      return `firmware ${step.version} is staged`;
  }
}

/** The core alone does nothing: something to try. */
function offerSomething(device: Device, printer: LinePrinter): void {
  let lines = 0;
  device.function("double", (argument) => 2 * Number(argument));
  device.variable("lines", VariableType.Int, () => lines);
  device.subscribe("command", (name, data) => {
    const text = Buffer.from(data).toString();
    printer.print("event", { name, data: text }, `${name} ${text}`);
  });
  createInterface({ input: process.stdin }).on("line", (line) => {
    lines++;
    device.publish("line", line).then(
      () => printer.print("published", { data: line }, line),
      (error: Error) => {
        const reason = error instanceof CoreError ? Status[error.status] : error.message;
        printer.print("not published", { data: line, reason }, `${line} (${reason})`);
      },
    );
  });
}

/** The exit code: 0 after a signal and a goodbye, 1 when no connection has come about in time. */
function endOf(
  device: Device,
  printer: LinePrinter,
  connectTimeoutMs: number | undefined,
): Promise<number> {
  return new Promise((resolve) => {
    const finish = (code: number, text: string): void => {
      printer.print("end", { code }, text);
      resolve(code);
    };
    const timer =
      connectTimeoutMs === undefined
        ? undefined
        : setTimeout(() => finish(1, `no connection in ${connectTimeoutMs} ms`), connectTimeoutMs);
    device.once("connected", () => clearTimeout(timer));
    let isLeaving = false;
    const leave = (): void => {
      // Who asks twice does not want to wait.
      if (isLeaving) return finish(1, "without a goodbye");
      isLeaving = true;
      clearTimeout(timer);
      void sayGoodbye(device).then((said) =>
        said ? finish(0, "goodbye") : finish(1, "no goodbye: nobody answers"),
      );
    };
    process.on("SIGINT", leave);
    process.on("SIGTERM", leave);
  });
}

/** @returns whether it was said, or there was nobody to say it to */
async function sayGoodbye(device: Device): Promise<boolean> {
  const isConnected = device.state === ConnectionState.Connected;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(!isConnected), GOODBYE_MS);
  });
  const goodbye = isConnected ? GOODBYE_USER : 0;
  const said = device.disconnect({ goodbye }).then(() => true);
  return Promise.race([said, late]).finally(() => clearTimeout(timer));
}
