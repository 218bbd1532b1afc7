// Memory of strings and objects in an application module: blocks one after the other, first fit, and a
// collector that marks and sweeps between two calls of the host (app_clock), when no object is in use
// but those that module variables lead to. It takes the place of the compiler's `minimal` runtime, does
// the same, and is a third of its size. An application that allocates nothing gets none of it.
//
// A block: u32 link of marked objects, u32 size with flags, then what the compiler wants before an
// object: u32 class, u32 length. Objects are at multiples of 8. Those that the compiler has laid out
// statically have the same four words before them; the second holds the round that has seen them.

/** Bytes before an object. */
// @ts-ignore: decorator
@inline
const HEADER: usize = 16;
// @ts-ignore: decorator
@inline
const INFO: usize = 4;
// @ts-ignore: decorator
@inline
const CLASS: usize = 8;
// @ts-ignore: decorator
@inline
const LENGTH: usize = 12;

/** Flags of a block's size, which is a multiple of 8. */
const enum Flag {
  Used = 1,
  /** Led to in this round. */
  Marked = 2,
  /** Held by hand. */
  Pinned = 4,
  All = 7,
}

/** An object of this class or a lower one leads to no other: Object, ArrayBuffer, String. */
// @ts-ignore: decorator
@inline
const LAST_LEAF: u32 = 2;
/** First block, and the end of the last one; 0 before the first object. */
// @ts-ignore: decorator
@lazy
let start: usize = 0;
// @ts-ignore: decorator
@lazy
let top: usize = 0;
/** No block below is free. */
// @ts-ignore: decorator
@lazy
let lowest: usize = 0;
/** Whether something was allocated since the last round. */
// @ts-ignore: decorator
@lazy
let isDirty: bool = false;
// @ts-ignore: decorator
@lazy
let round: u32 = 0;
/** Marked objects that were not followed yet: their blocks, linked. */
// @ts-ignore: decorator
@lazy
let marked: usize = 0;

// @ts-ignore: decorator
@inline
function sizeOf(block: usize): usize {
  return <usize>(load<u32>(block, INFO) & ~(<u32>Flag.All));
}

/** Whether the compiler has laid an object out, or it is null. */
// @ts-ignore: decorator
@inline
function isStatic(object: usize): bool {
  return object < __heap_base;
}

/** Place for a block at the end. Traps when the memory is full. */
function extend(size: usize): usize {
  if (!start) {
    start = (__heap_base + 7) & ~7;
    top = start;
    lowest = start;
  }
  const block = top;
  const end = block + size;
  const memoryEnd = ASC_LOW_MEMORY_LIMIT
    ? <usize>ASC_LOW_MEMORY_LIMIT
    : (<usize>memory.size()) << 16;
  if (end > memoryEnd) {
    if (ASC_LOW_MEMORY_LIMIT) unreachable();
    if (memory.grow(<i32>((end - memoryEnd + 0xffff) >>> 16)) < 0) unreachable();
  }
  top = end;
  store<u32>(block, size, INFO);
  return block;
}

/** A block of at least `size` bytes: the first free one that fits, cut to size, or a new one. */
function take(size: usize): usize {
  let free: usize = 0;
  for (let block = lowest; block < top; block += sizeOf(block)) {
    if (load<u32>(block, INFO) & Flag.Used) continue;
    const found = sizeOf(block);
    if (found >= size) {
      // What is left must hold a block with 8 bytes.
      if (found - size > HEADER) {
        store<u32>(block + size, found - size, INFO);
        store<u32>(block, size, INFO);
      }
      if (!free) lowest = block + sizeOf(block);
      return block;
    }
    if (!free) lowest = free = block;
  }
  if (!free) lowest = top;
  return extend(size);
}

// @ts-ignore: decorator
@global
@unsafe
export function __new(size: usize, id: u32): usize {
  // Above, the sums below would wrap.
  if (size > 0x3fffffff) unreachable();
  const block = take((size + HEADER + 7) & ~7);
  store<u32>(block, load<u32>(block, INFO) | Flag.Used, INFO);
  store<u32>(block, id, CLASS);
  store<u32>(block, size, LENGTH);
  isDirty = true;
  const object = block + HEADER;
  memory.fill(object, 0, size);
  return object;
}

// @ts-ignore: decorator
@global
@unsafe
export function __renew(object: usize, size: usize): usize {
  const block = object - HEADER;
  const length = <usize>load<u32>(block, LENGTH);
  // One of the compiler's has nothing behind it.
  const room = isStatic(object) ? length : sizeOf(block) - HEADER;
  if (size <= room) {
    if (size > length) memory.fill(object + length, 0, size - length);
    store<u32>(block, size, LENGTH);
    return object;
  }
  const larger = __new(size, load<u32>(block, CLASS));
  memory.copy(larger, object, length);
  return larger;
}

/** Nothing is collected while it could be missed, so nobody need tell. */
// @ts-ignore: decorator
@global
@unsafe
@inline
export function __link(_parent: usize, _child: usize, _multiple: bool): void {}

// @ts-ignore: decorator
@global
@unsafe
export function __pin(object: usize): usize {
  const block = object - HEADER;
  if (!isStatic(object)) store<u32>(block, load<u32>(block, INFO) | Flag.Pinned, INFO);
  return object;
}

// @ts-ignore: decorator
@global
@unsafe
export function __unpin(object: usize): void {
  if (isStatic(object)) return;
  const block = object - HEADER;
  store<u32>(block, load<u32>(block, INFO) & ~(<u32>Flag.Pinned), INFO);
}

/** Mark an object that something leads to, and remember to follow it. */
// @ts-ignore: decorator
@global
@unsafe
export function __visit(object: usize, _cookie: u32): void {
  if (!object) return;
  const block = object - HEADER;
  const info = load<u32>(block, INFO);
  if (isStatic(object)) {
    if (info == round) return;
    store<u32>(block, round, INFO);
  } else {
    if (info & Flag.Marked) return;
    store<u32>(block, info | Flag.Marked, INFO);
  }
  if (load<u32>(block, CLASS) <= LAST_LEAF) return;
  store<u32>(block, <u32>marked);
  marked = block;
}

/** Collect what nothing leads to. To be called while no object is in use. */
// @ts-ignore: decorator
@global
@unsafe
export function __collect(): void {
  if (!isDirty) return;
  isDirty = false;
  round += 1;
  __visit_globals(0);
  markPinned();
  while (marked) {
    const block = marked;
    marked = load<u32>(block);
    __visit_members(block + HEADER, 0);
  }
  sweep();
}

function markPinned(): void {
  for (let block = start; block < top; block += sizeOf(block)) {
    if (load<u32>(block, INFO) & Flag.Pinned) __visit(block + HEADER, 0);
  }
}

/** Free what is not marked; join free neighbours; give back the end. */
function sweep(): void {
  let free: usize = 0;
  for (let block = start; block < top;) {
    const info = load<u32>(block, INFO);
    const size = sizeOf(block);
    if (info & Flag.Marked) {
      store<u32>(block, info & ~(<u32>Flag.Marked), INFO);
      free = 0;
    } else if (free) {
      store<u32>(free, <u32>(sizeOf(free) + size), INFO);
    } else {
      free = block;
      store<u32>(block, size, INFO);
    }
    block += size;
  }
  if (free) top = free;
  lowest = start;
}
