// boson sign: an application module, a native firmware or a command becomes an image that devices take.
// boson inspect: what an image says.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { capabilityNames } from "../application/bridge";
import { figuresOf } from "../application/build";
import { ImageKind, decodeImage } from "../application/image";
import type { Manifest } from "../application/image";
import { isMetered } from "../application/meter";
import {
  readPublicKey,
  readUpdateKey,
  signApplication,
  signCommand,
  signFirmware,
  signKeys,
  verifyImage,
} from "../application/sign";
import type { CommandName, UpdateKey } from "../application/sign";
import { boardName, boardNames, platformOf } from "./boards";
import { collect, numberOf } from "../../cloud/cli/options";

interface SignFlags {
  key: string;
  version?: number;
  board: number[];
  force: boolean;
  minAbi: number;
  firmware: boolean;
  disable?: boolean;
  enable?: boolean;
  rollback?: boolean;
  newKey: string[];
  out?: string;
  json: boolean;
}

/** Bytes of linear memory that a module declares. */
const PAGE = 65536;
const COMMANDS: readonly CommandName[] = ["disable", "enable", "rollback"];

const versionOf = (text: string): number => numberOf(text, 1, 0xffffffff);
const abiOf = (text: string): number => numberOf(text, 1, 0xffff);

export function signCommands(program: Command): void {
  program
    .command("sign [file]")
    .description("sign an application module, a firmware or a command for devices")
    .requiredOption("--key <file>", "update key, PEM (boson update-keys new)")
    .option("--version <number>", "version; of a command its number (default: the time)", versionOf)
    .option("--board <name>", "only for this board; may be repeated", collect(platformOf), [])
    .option("--force", "may replace a newer version", false)
    .option("--min-abi <number>", "lowest ABI of the resident core", abiOf, 1)
    .option("--firmware", "the file is a native firmware", false)
    .option("--disable", "no file: applications do not run any more")
    .option("--enable", "no file: they run again")
    .option("--rollback", "no file: back to the application of before")
    .option(
      "--new-key <file>",
      "no file: pin this public key instead; may be repeated",
      collect(String),
      [],
    )
    .option("--out <file>", "image to write (default: FILE with .image)")
    .option("--json", "print what was signed as JSON", false)
    .addHelpText("after", `\nBoards: ${boardNames().join(", ")}`)
    .action((file: string | undefined, flags: SignFlags) => {
      const key = readUpdateKey(readPem(flags.key));
      const image = file === undefined ? signedCommand(key, flags) : signedFile(file, key, flags);
      const out = flags.out ?? (file && `${file.replace(/\.(wasm|bin)$/, "")}.image`);
      if (out === undefined) throw new Error("a command needs --out");
      writeFileSync(out, image);
      print(out, decodeImage(image).manifest, image.length, flags.json);
    });
  program
    .command("inspect <image>")
    .description("tell what an image is, and whether nobody has changed it")
    .option("--key <file>", "a key, PEM, that it must be signed with")
    .option("--json", "print it as JSON", false)
    .action((file: string, { key, json }: { key?: string; json: boolean }) => {
      const image = readFile(file);
      const manifest = key
        ? verifyImage(image, [readPublicKey(readPem(key))])
        : decodeImage(image).manifest;
      print(file, manifest, image.length, json);
    });
}

function readFile(file: string): Buffer {
  if (!existsSync(file)) throw new Error(`${file}: no such file`);
  return readFileSync(file);
}

/** @throws Error that names the file */
function readPem(file: string): Buffer {
  const content = readFile(file);
  if (!content.includes("-----BEGIN ")) throw new Error(`${file} is no PEM file`);
  return content;
}

function signedFile(file: string, key: UpdateKey, flags: SignFlags): Buffer {
  const { version, board: boards, force: forced, minAbi: minimumAbi, firmware } = flags;
  if (COMMANDS.some((name) => flags[name]) || flags.newKey.length > 0) {
    throw new Error("a file or a command, not both");
  }
  if (version === undefined) throw new Error("--version is missing: devices take only newer ones");
  const options = { version, boards, forced, minimumAbi };
  const content = readFile(file);
  if (firmware) return signFirmware(content, key, options);
  if (!isMetered(content)) throw new Error(`${file} is not metered: boson build does that`);
  // A whole page is what it gets where nobody has said anything.
  const memory = figuresOf(content)?.memory ?? PAGE;
  const memoryKiB = memory < PAGE ? Math.ceil(memory / 1024) : 0;
  return signApplication(content, key, { ...options, memoryKiB });
}

function signedCommand(key: UpdateKey, flags: SignFlags): Buffer {
  const wanted = COMMANDS.filter((name) => flags[name]);
  const newKeys = flags.newKey.map((file) => readPublicKey(readPem(file)));
  if (wanted.length + (newKeys.length > 0 ? 1 : 0) !== 1) {
    throw new Error("a file, --disable, --enable, --rollback or --new-key: one of them");
  }
  // Seconds grow by themselves, which is all that is asked of the number.
  const sequence = flags.version ?? Math.floor(Date.now() / 1000);
  const options = { sequence, boards: flags.board };
  return newKeys.length > 0
    ? signKeys(newKeys, key, options)
    : signCommand(wanted[0], key, options);
}

function print(file: string, manifest: Manifest, size: number, json: boolean): void {
  const { kind, version, forced, capabilities, minimumAbi, memoryKiB, boards, keys } = manifest;
  const name = ImageKind[kind].toLowerCase();
  if (json) {
    const known = { file, size, kind: name, version, forced, minimumAbi, memoryKiB, boards };
    const rest = { capabilities: capabilityNames(capabilities), keys: keys.length };
    console.log(JSON.stringify({ ...known, ...rest }));
    return;
  }
  const lines = [`${file}: ${name} ${version}${forced ? ", forced" : ""}, ${size} bytes`];
  lines.push(`for ${boards.map(boardName).join(", ") || "any board"}, core ABI ${minimumAbi}`);
  if (kind === ImageKind.Application) {
    const may = capabilityNames(capabilities).join(", ") || "nothing";
    lines.push(`${memoryKiB ? `memory ${memoryKiB} KiB, ` : ""}may: ${may}`);
  }
  console.log(lines.join("\n"));
}
