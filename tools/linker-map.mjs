// Reads the map that GNU ld writes: bytes of flash and RAM by group of object files.

/** Output sections by where they end up. */
const FLASH =
  /^\.(vectors|text|rodata|init_array|fini_array|preinit_array|ARM\.exidx|ARM\.extab|data)/;
const RAM = /^\.(data|bss|retained_user)/;

/**
 * What is in the linked file, that is, without sections that nobody uses.
 * @param {string} map text of the map file
 * @param {string[]} names of all groups
 * @param {(object: string) => string} groupOf name of the group of an object file
 * @returns {{groups: Record<string, {flash: number, ram: number}>, total: {flash: number,
 *   ram: number}}} bytes
 */
export function sizesIn(map, names, groupOf) {
  const groups = Object.fromEntries(names.map((name) => [name, { flash: 0, ram: 0 }]));
  const memory = map.slice(map.indexOf("Linker script and memory map"));
  // A long name of a section stands on a line of its own.
  const line = /^ (\.[^\s]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S.*)$/gm;
  const lines = memory.replace(/^( \.\S+)\n\s+/gm, "$1 ").matchAll(line);
  for (const [, section, size, object] of lines) {
    const bytes = parseInt(size, 16);
    const group = groups[groupOf(object)];
    if (FLASH.test(section)) group.flash += bytes;
    if (RAM.test(section)) group.ram += bytes;
  }
  const total = { flash: 0, ram: 0 };
  for (const { flash, ram } of Object.values(groups)) {
    total.flash += flash;
    total.ram += ram;
  }
  return { groups, total };
}
