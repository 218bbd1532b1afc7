// assembly/cloud/registry.ts

import { check, equal, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  RegistryKind,
  registryAdd,
  registryCount,
  registryDetail,
  registryFind,
  registryName,
  registryNameLength,
  registryOpen,
} from "../../../../assembly/cloud/registry";

const nameAt = heap.alloc(200);

function put(name: string): i32 {
  return String.UTF8.encodeUnsafe(changetype<usize>(name), name.length, nameAt, false) as i32;
}

function add(kind: i32, name: string, detail: u32 = 0): i32 {
  return registryAdd(kind, detail, nameAt, put(name));
}

function find(kind: i32, name: string): i32 {
  return registryFind(kind, nameAt, put(name));
}

/** Name of the current entry. */
function current(): string {
  return String.UTF8.decodeUnsafe(registryName(), registryNameLength());
}

// The registry has no reset: the checks go on from one filling to the next.

section("empty");
equal("no functions", registryCount(RegistryKind.Function), 0);
check("none to open", !registryOpen(RegistryKind.Function, 0));
equal("none to find", find(RegistryKind.Function, "led"), Status.NotFound);

section("names");
equal("none", add(RegistryKind.Function, ""), Status.InvalidArgument);
equal("65 bytes", add(RegistryKind.Function, "n".repeat(65)), Status.TooLong);
equal("a negative length", registryAdd(1, 0, nameAt, -1), Status.InvalidArgument);
equal("64 bytes", add(RegistryKind.Function, "n".repeat(64)), 0);
equal("one byte", add(RegistryKind.Function, "x"), 1);
equal("UTF-8", add(RegistryKind.Function, "\u00e9"), 2);
equal("a zero byte", add(RegistryKind.Function, "\0"), 3);
equal("a beginning of another", add(RegistryKind.Function, "nn"), 4);
equal("another case", add(RegistryKind.Function, "X"), 5);
equal("again", add(RegistryKind.Function, "x"), Status.AlreadyRegistered);
equal("the longest again", add(RegistryKind.Function, "n".repeat(64)), Status.AlreadyRegistered);
equal("nothing of it is counted", registryCount(RegistryKind.Function), 6);

section("kinds");
equal("the same name as a variable", add(RegistryKind.Variable, "x", 2), 0);
equal("and as a subscription", add(RegistryKind.Subscription, "x", 0x63), 0);
equal("numbers go on", add(RegistryKind.Function, "f"), 6);
equal("for each kind", add(RegistryKind.Variable, "v", 9), 1);
equal("functions", registryCount(RegistryKind.Function), 7);
equal("variables", registryCount(RegistryKind.Variable), 2);
equal("subscriptions", registryCount(RegistryKind.Subscription), 1);

section("find and open");
equal("function", find(RegistryKind.Function, "f"), 6);
equal("variable", find(RegistryKind.Variable, "v"), 1);
equal("its type", registryDetail(), 9);
check("its name", current() == "v");
equal("of another kind only", find(RegistryKind.Subscription, "v"), Status.NotFound);
equal("a longer name", find(RegistryKind.Function, "ff"), Status.NotFound);
equal("a shorter one", find(RegistryKind.Function, "n"), Status.NotFound);
equal("no name", find(RegistryKind.Function, ""), Status.NotFound);
check("first function", registryOpen(RegistryKind.Function, 0));
check("is the longest name", current() == "n".repeat(64));
check("fourth", registryOpen(RegistryKind.Function, 3));
equal("is one zero byte", registryNameLength(), 1);
check("second variable", registryOpen(RegistryKind.Variable, 1) && current() == "v");
check("subscription", registryOpen(RegistryKind.Subscription, 0) && registryDetail() == 0x63);
check("past the last", !registryOpen(RegistryKind.Variable, 2));
check("far past it", !registryOpen(RegistryKind.Variable, 1000));
check("negative", !registryOpen(RegistryKind.Variable, -1));

section("limits");
let count = registryCount(RegistryKind.Subscription);
while (add(RegistryKind.Subscription, "s" + count.toString()) >= 0) count++;
equal("8 subscriptions", count, 8);
equal("then no space", add(RegistryKind.Subscription, "t"), Status.NoSpace);
equal("a known one is still known", add(RegistryKind.Subscription, "s7"), Status.AlreadyRegistered);
count = registryCount(RegistryKind.Function);
while (add(RegistryKind.Function, "f" + count.toString()) >= 0) count++;
equal("100 functions", count, 100);
count = registryCount(RegistryKind.Variable);
while (add(RegistryKind.Variable, count.toString()) >= 0) count++;
equal("100 variables", count, 100);
equal("the last one", find(RegistryKind.Variable, "99"), 99);
equal("the last function", find(RegistryKind.Function, "f99"), 99);
check("the first is still there", registryOpen(RegistryKind.Function, 1) && current() == "x");

finish();
