// An application module that allocates all the time and checks what it holds: arrays, maps, lists, cells,
// longer than any memory would last if nothing were collected. Its log tells what it saw.

import { CloudVariable, Log, Particle } from "../../assembly/app";

class Link {
  constructor(
    public value: i32,
    public next: Link | null,
  ) {}
}

const STATIC: string[] = ["static one", "static two"];
const held: string[] = [];
const numbers = new Map<i32, string>();
let chain: Link | null = null;
let cell: CloudVariable<string> | null = null;
let turns: i32 = 0;

/** A list of `length` links, the newest first. */
function chainOf(length: i32): Link {
  let first = new Link(0, null);
  for (let i = 1; i < length; i++) first = new Link(i, first);
  return first;
}

function sumOf(first: Link | null): i32 {
  let sum = 0;
  let link = first;
  while (link) {
    sum += link.value;
    link = link.next;
  }
  return sum;
}

export function setup(): void {
  cell = Particle.variableOf<string>("cell", "first");
  for (let i = 0; i < 20; i++) held.push("held " + i.toString());
  chain = chainOf(200);
}

export function loop(): void {
  turns += 1;
  held[turns % 20] = "held " + (turns % 20).toString();
  STATIC[turns % 2] = turns % 2 ? "static two" : "static one";
  numbers.set(turns % 30, "number " + turns.toString());
  if (numbers.size > 20) numbers.delete(turns % 7);
  cell!.value = "turn " + turns.toString();
  if (turns % 10 == 0) chain = chainOf(100 + (turns % 100));
  const garbage = new Array<string>();
  for (let i = 0; i < 10; i++) garbage.push("garbage " + (i * turns).toString());
  if (turns % 100) return;
  let text = held.join() + STATIC.join() + sumOf(chain).toString() + garbage.join();
  const keys = numbers.keys();
  for (let i = 0; i < keys.length; i++) text += numbers.get(keys[i]);
  Log.info(turns.toString() + " " + text);
}
