// The store on disk: what is in it after a close, after a kill, after a torn write.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LmdbStore } from "../../cloud/store/lmdb-store";
import { MemoryStore } from "../../cloud/store/memory-store";
import { generateKeyPair } from "../../cloud/keys";
import { StoredRegistry } from "../../cloud/store/stored-registry";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "wboson-store-"))));
afterEach(() => rmSync(directory, { recursive: true }));

/** What a process leaves that is killed: everything but the lock, which has its dead process' id. */
function afterKill(): LmdbStore {
  rmSync(join(directory, "store.lock"), { force: true });
  return LmdbStore.open(directory);
}

test("values of both kinds are there after a close, in the order of their keys", async () => {
  const store = LmdbStore.open(directory);
  store.table("a").put("2", { x: "ü" });
  store.table("a").put("1", [1, null], false);
  store.table("ab").put("1", "other table");
  store.table("a").put("3", "gone");
  store.table("a").remove("3", false);
  await store.close();
  const again = LmdbStore.open(directory);
  expect(again.table("a").entries()).toEqual([
    ["1", [1, null]],
    ["2", { x: "ü" }],
  ]);
  expect(again.table("ab").get("1")).toBe("other table");
  expect(again.table("none").entries()).toEqual([]);
  await again.close();
});

test("without a close both kinds are there, and the later change counts", async () => {
  const store = LmdbStore.open(directory);
  const table = store.table<string>("t");
  table.put("quick", "old", false);
  table.put("durable", "old");
  table.put("quick", "new", false);
  table.put("removed", "x", false);
  table.remove("removed", false);
  table.put("durable", "new", false);
  const again = afterKill();
  expect(again.table("t").entries()).toEqual([
    ["durable", "new"],
    ["quick", "new"],
  ]);
  // Folded into the database: the journal is empty.
  expect(statSync(join(directory, "store.journal")).size).toBe(0);
  await again.close();
});

test("a durable change takes the pending ones along, and an old journal does not undo it", async () => {
  const store = LmdbStore.open(directory);
  const table = store.table<string>("t");
  table.put("a", "first", false);
  const journal = readFileSync(join(directory, "store.journal"));
  table.put("b", "durable");
  table.put("a", "second");
  expect(statSync(join(directory, "store.journal")).size).toBe(0);
  // As if the truncation had not reached the disk.
  appendFileSync(join(directory, "store.journal"), journal);
  const again = afterKill();
  expect(again.table("t").get("a")).toBe("second");
  await again.close();
});

test("a torn journal is read up to the tear, at every length", async () => {
  const store = LmdbStore.open(directory);
  const table = store.table<number>("t");
  const path = join(directory, "store.journal");
  const ends = [0];
  for (let i = 1; i <= 3; i++) {
    table.put("n", i, false);
    ends.push(statSync(path).size);
  }
  const whole = readFileSync(path);
  for (let length = whole.length; length >= 0; length--) {
    rmSync(join(directory, "store.mdb"));
    truncateSync(path, 0);
    appendFileSync(path, whole.subarray(0, length));
    const again = afterKill();
    const lines = ends.filter((end) => end > 0 && end <= length + 1).length;
    expect(again.table("t").get("n")).toBe(lines || undefined);
    await again.close();
  }
});

test.each([
  ["on disk", () => LmdbStore.open(directory)],
  ["in memory", () => new MemoryStore()],
])("a transaction %s that throws has changed nothing", async (_, open) => {
  const store = open();
  const table = store.table<string>("t");
  table.put("a", "before");
  table.put("b", "pending", false);
  const failing = (): void =>
    store.transaction(() => {
      table.put("a", "inside");
      table.put("a", "inside again", false);
      table.remove("b");
      table.put("c", "new");
      expect(table.get("a")).toBe("inside again");
      throw new Error("on purpose");
    });
  expect(failing).toThrow("on purpose");
  expect(table.entries()).toEqual([
    ["a", "before"],
    ["b", "pending"],
  ]);
  store.transaction(() => table.put("c", "done"));
  expect(table.get("c")).toBe("done");
  await store.close();
});

test("one process at a time; the lock of a dead process is taken over", async () => {
  const store = LmdbStore.open(directory);
  expect(() => LmdbStore.open(directory)).toThrow(`process ${process.pid} is running`);
  await store.close();
  // No process has this id: it is above every limit of Linux.
  appendFileSync(join(directory, "store.lock"), "4194999 1");
  const again = LmdbStore.open(directory);
  await again.close();
});

test("the registry is as it was, keys and all", async () => {
  const id = "0123456789abcdef01234567";
  const { spki } = generateKeyPair();
  const store = LmdbStore.open(directory);
  const registry = new StoredRegistry(store);
  registry.register({ id, publicKey: spki, name: "one" });
  registry.register({ id, publicKey: spki, name: "renamed" });
  const other = "ff23456789abcdef01234567";
  expect(() => registry.register({ id: other, publicKey: spki })).toThrow("same public key");
  registry.register({ id: other });
  registry.unregister(other);
  await store.close();
  const again = LmdbStore.open(directory);
  expect(new StoredRegistry(again).devices).toEqual([{ id, publicKey: spki, name: "renamed" }]);
  expect(new StoredRegistry(again).findByKey(spki)?.id).toBe(id);
  await again.close();
});
