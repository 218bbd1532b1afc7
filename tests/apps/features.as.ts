// An application that uses every part of the API; tests/protocol/app.test.ts drives it through cloud
// functions and reads what it saw from its log.

import {
  CloudStatus,
  CloudVariable,
  ContentType,
  DataPlan,
  FullPolicy,
  Log,
  Meter,
  NO_TTL,
  Particle,
  PublishFlag,
  PublishQueue,
  Status,
  System,
  SystemEvent,
  SystemMode,
  Time,
  Variant,
} from "../../assembly/app";
import {
  I2C,
  PinMode,
  SerialPort,
  analogRead,
  analogWrite,
  digitalRead,
  digitalWrite,
  pinMode,
} from "../../assembly/app/board";

let temperature: CloudVariable<f64> | null = null;
let label: CloudVariable<string> | null = null;
let count: CloudVariable<i32> | null = null;
let loops: i32 = 0;
let second: i32 = 0;

function readLoops(): i32 {
  return loops;
}

function readFlag(): bool {
  return loops > 0;
}

function readRatio(): f64 {
  return 0.25;
}

function readLong(): string {
  return "x".repeat(1025);
}

function onFirst(name: string, data: string): void {
  Log.info("first " + name + " " + data);
}

function onSecond(name: string, data: string): void {
  Log.info("second " + name + " " + data);
}

function onBytes(name: string, data: Uint8Array): void {
  Log.info("bytes " + name + " " + data.length.toString() + " " + data[0].toString());
}

function onVariant(name: string, data: Variant): void {
  Log.info(
    "variant " + name + " " + data.get("t").toString() + " " + data.get("list").at(1).toString(),
  );
}

function onPublished(handle: i32, status: i32): void {
  Log.trace("published " + status.toString() + " " + PublishQueue.state(handle).toString());
}

function onSystem(event: u32, value: i32): void {
  if (event == SystemEvent.CloudStatus && value == CloudStatus.Connected) Log.warn("connected");
  if (event == SystemEvent.TimeChanged) Log.warn("time " + Time.now().toString());
  if (event == SystemEvent.Signal) Log.warn("signal " + value.toString());
  if (event == SystemEvent.BudgetWarning) Log.warn("budget " + value.toString());
}

/** Publish in the way that the argument names. Returns the handle, or the Status. */
function publish(argument: string): i32 {
  if (argument == "text") return Particle.publish("text", "grüße");
  if (argument == "json") {
    return Particle.publish("json", '{"a":1}', 30, PublishFlag.WithAck, ContentType.Json);
  }
  if (argument == "noack") {
    return Particle.publish("noack", "", NO_TTL, PublishFlag.NoAck | PublishFlag.Private);
  }
  if (argument == "bytes") {
    const data = new Uint8Array(3);
    data[0] = 255;
    return Particle.publishData("bytes", data);
  }
  if (argument == "variant") {
    const map = Variant.map();
    map.set("t", Variant.number(21.5)).set("n", Variant.int(-7)).set("ok", Variant.bool(true));
    map.set("list", Variant.array().push(Variant.null()).push(Variant.string("two")));
    return Particle.publishVariant("variant", map);
  }
  if (argument == "long") return Particle.publish("long", "ü".repeat(513));
  if (argument == "reserved") return Particle.publish("Spark/x");
  if (argument == "coalesced") {
    Particle.publish("c", "1", NO_TTL, PublishFlag.Coalesce | PublishFlag.LowPriority);
    return Particle.publish("c", "2", NO_TTL, PublishFlag.Coalesce | PublishFlag.HighPriority);
  }
  return Status.InvalidArgument;
}

function assign(argument: string): i32 {
  temperature!.value = parseFloat(argument);
  label!.value = "label " + argument;
  return 0;
}

function board(argument: string): i32 {
  if (argument == "pin") {
    if (pinMode(7, PinMode.Output) < 0) return pinMode(7, PinMode.Output);
    digitalWrite(7, 1);
    analogWrite(6, 128);
    return digitalRead(7) * 10000 + analogRead(3);
  }
  if (argument == "serial") {
    const port = new SerialPort(1);
    port.begin(9600);
    port.println("hello");
    const answer = new Uint8Array(4);
    return port.read(answer) == 2 ? answer[0] * 256 + answer[1] : -1;
  }
  const request = new Uint8Array(1);
  request[0] = 0x0f;
  return I2C.write(0x48, request) + I2C.read(0x48, request) * 10 + <i32>request[0] * 100;
}

function ask(argument: string): i32 {
  if (argument == "time") return Particle.syncTime();
  if (argument == "done") return Particle.syncTimeDone() ? 1 : 0;
  if (argument == "vitals") Particle.publishVitals(60);
  if (argument == "unsubscribe") return Particle.unsubscribe(second);
  if (argument == "none") return Particle.unsubscribe();
  if (argument == "sizes") return Particle.maxEventDataSize() + Particle.maxVariableValueSize();
  if (argument == "operations") return DataPlan.meter(Meter.Operations);
  if (argument == "quiet") Log.level(60);
  if (argument == "id") Log.info(Particle.deviceID() + " " + System.deviceID());
  if (argument == "largest") return i32.MAX_VALUE;
  if (argument == "smallest") return i32.MIN_VALUE;
  if (argument == "sleep") return System.sleep(3600);
  return 0;
}

export function setup(): void {
  Particle.function("publish", publish);
  Particle.function("assign", assign);
  Particle.function("board", board);
  Particle.function("ask", ask);
  Particle.variable<i32>("loops", readLoops);
  Particle.variable<bool>("flag", readFlag);
  Particle.variable<f64>("ratio", readRatio);
  Particle.variable<string>("long", readLong);
  temperature = Particle.variableOf<f64>("temperature", -1.5);
  count = Particle.variableOf<i32>("count", 0);
  label = Particle.variableOf<string>("label", "none");
  Particle.subscribe("news", onFirst);
  // Shares the subscription of "news"; the same again changes nothing.
  second = Particle.subscribe("news/local", onSecond);
  Particle.subscribe("news/local", onSecond);
  Particle.subscribeData("news/raw", onBytes);
  Particle.subscribeVariant("data", onVariant);
  PublishQueue.onDone(onPublished);
  PublishQueue.whenFull(FullPolicy.DropOldest);
  System.on(SystemEvent.CloudStatus | SystemEvent.TimeChanged, onSystem);
  System.on(SystemEvent.Signal | SystemEvent.BudgetWarning, onSystem);
  System.mode(SystemMode.Automatic);
}

export function loop(): void {
  loops += 1;
  count!.value = loops;
  // Made and dropped: what is not collected between loops would not fit for long.
  if (loops % 10 == 0) Log.trace("x".repeat(500));
}
