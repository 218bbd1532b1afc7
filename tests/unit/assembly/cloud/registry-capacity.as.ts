// assembly/cloud/registry.ts: its 2048 bytes, with names as long as they may be

import { check, equal, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  RegistryKind,
  registryAdd,
  registryCount,
  registryNameLength,
  registryOpen,
} from "../../../../assembly/cloud/registry";

const name = heap.alloc(64);
memory.fill(name, 0x6e, 64);

function add(kind: i32, index: i32, length: i32): i32 {
  store<u8>(name, index);
  return registryAdd(kind, 0, name, length);
}

section("64-byte names");
let count = 0;
while (add(RegistryKind.Function, count, 64) >= 0) count++;
equal("30 of 68 bytes each", count, 30);
equal("8 bytes are left: no name of 5", add(RegistryKind.Function, 200, 5), Status.NoSpace);
equal("refused for other kinds, too", add(RegistryKind.Variable, 200, 5), Status.NoSpace);
equal("a name of 4 fits", add(RegistryKind.Function, 200, 4), 30);
equal("then none does", add(RegistryKind.Variable, 201, 1), Status.NoSpace);
equal("the count stays", registryCount(RegistryKind.Function), 31);
check("the last entry ends with the memory", registryOpen(RegistryKind.Function, 30));
equal("and has its length", registryNameLength(), 4);
check("nothing follows it", !registryOpen(RegistryKind.Function, 31));

finish();
