// An offline logger: a sample every ten seconds, six samples an event, so that an hour costs 60 data
// operations and not 360. Events wait in storage while there is no network; when that is full, the
// oldest gives way. The free plan is its budget.

import {
  BudgetPolicy,
  DataPlan,
  FullPolicy,
  Log,
  NO_TTL,
  Particle,
  PublishFlag,
  PublishQueue,
  ContentType,
  Status,
  System,
  SystemMode,
  SystemEvent,
  CloudStatus,
  millis,
} from "../../assembly/app";

const INTERVAL: u32 = 10000;
const SAMPLES: i32 = 6;

let sampleAt: u32 = 0;
let samples: i32 = 0;
let batch: string = "";

/** A made-up water level, millimetres. */
function measure(): i32 {
  return 1200 + <i32>((millis() / INTERVAL) % 7) * 5;
}

function onPublished(_handle: i32, status: i32): void {
  if (status == Status.Dropped) Log.warn("an old batch gave way");
  else if (status < 0) Log.warn("not published: " + status.toString());
}

function onSystem(_event: u32, value: i32): void {
  if (value != CloudStatus.Connected) return;
  Log.info("connected, " + PublishQueue.pending().toString() + " batches wait");
}

export function setup(): void {
  PublishQueue.whenFull(FullPolicy.DropOldest);
  PublishQueue.onDone(onPublished);
  const back = PublishQueue.useStorage();
  if (back > 0) Log.info(back.toString() + " batches came back from storage");
  DataPlan.budget(100000, 100000000, BudgetPolicy.Defer);
  System.on(SystemEvent.CloudStatus, onSystem);
  System.mode(SystemMode.Automatic);
}

export function loop(): void {
  if (sampleAt && millis() - sampleAt < INTERVAL) return;
  sampleAt = millis();
  batch += (samples ? "," : "[") + measure().toString();
  samples += 1;
  if (samples < SAMPLES) return;
  const json = ContentType.Json;
  const status = Particle.publish("level", batch + "]", NO_TTL, PublishFlag.WithAck, json);
  if (status < 0) Log.warn("refused: " + status.toString());
  batch = "";
  samples = 0;
}
