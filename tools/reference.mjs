// Writes docs/api.md, the reference of the device API, from the docstrings of its sources: what an
// application imports, the wasm exports of the queue and the meter, the C functions, the Node device.
// usage: node tools/reference.mjs            write it
//        node tools/reference.mjs --check    fail when it is not what the sources say

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import ts from "typescript";

import { projectRoot } from "./asc.mjs";

const OUTPUT = "docs/api.md";

/** [heading, file], in the order of the page. */
const APPLICATION = [
  ["Particle, PublishFlag, ContentType", "assembly/app/particle.ts"],
  ["PublishQueue, DataPlan", "assembly/app/queue.ts"],
  ["System, SystemEvent, CloudStatus, SystemMode", "assembly/app/system.ts"],
  ["Time", "assembly/app/time.ts"],
  ["Log", "assembly/app/log.ts"],
  ["Variant", "assembly/app/variant.ts"],
  ["CloudVariable", "assembly/app/variable.ts"],
  ["Pins and buses: import from wboson/board", "assembly/app/board.ts"],
  ["Without strings and objects", "assembly/app/raw.ts"],
  ["Statuses", "assembly/status.ts"],
];
const EXPORTS = [["build/boson-api.wasm: exports beside those of the core", "assembly/api.ts"]];
const NODE = [
  ["Device", "bindings/node/device.ts"],
  ["Publication", "bindings/node/publication.ts"],
  ["Updates", "bindings/node/updates.ts"],
];
const C = "bindings/wasm3/boson.h";
/** Exports of the application layer that only its own files use. */
const INSIDE = /^(setNow|dispatch|setTime$|syncTime$|isTimePending|timeSyncedAt|publishBytes$)/;

const read = (file) => readFileSync(path.join(projectRoot, file), "utf8");
const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/** A docstring without its stars; block tags on lines of their own. */
function plain(comment) {
  const lines = comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, "").trim());
  return oneLine(lines.join(" "))
    .replace(/\s*@(param|returns|throws)\b/g, "\n- *$1*")
    .replace(/\s*@see\b/g, "\n- see")
    .trim();
}

function docOf(source, node) {
  const [range] = (ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? []).slice(-1);
  const text = range ? source.text.slice(range.pos, range.end) : "";
  return text.startsWith("/**") ? plain(text) : "";
}

/** Text of a declaration up to its body. */
function signatureOf(source, node) {
  const end = node.body ? node.body.getStart(source) : node.getEnd();
  const start = node.modifiers?.find((modifier) => !ts.isDecorator(modifier)) ?? node;
  const text = source.text.slice(start.getStart(source), end);
  return oneLine(text.replace(/\/\*[^]*?\*\/|\/\/.*$/gm, ""))
    .replace(/^export |^(public )?(static )?/g, "")
    .replace(/^(static|declare) /, "")
    .replace(/,? \)/g, ")")
    .replace(/\( /g, "(")
    .replace(/;$/, "");
}

const isHidden = (node) =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false;
const isExported = (node) =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;

function item(signature, doc) {
  const [first, ...rest] = doc.split("\n");
  const lines = [`**\`${signature}\`**${first ? `  \n${first}` : ""}`, ...rest.map((line) => line)];
  return lines.length > 1 ? `${lines[0]}\n\n${lines.slice(1).join("\n")}` : lines[0];
}

function describeClass(source, node) {
  const name = node.name.text;
  const isStatic = (member) =>
    member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) ?? false;
  const members = node.members.filter(
    (member) =>
      !isHidden(member) &&
      (ts.isMethodDeclaration(member) ||
        ts.isGetAccessorDeclaration(member) ||
        ts.isPropertyDeclaration(member)),
  );
  const items = members.map((member) => {
    const owner = isStatic(member) ? name : name[0].toLowerCase() + name.slice(1);
    const signature = signatureOf(source, member).replace(/^(get|readonly) /, "");
    return item(`${owner}.${signature}`, docOf(source, member));
  });
  return [docOf(source, node), ...items].filter(Boolean).join("\n\n");
}

function describeEnum(source, node) {
  const rows = node.members.map((member) => {
    const value = member.initializer?.getText(source) ?? "";
    return `| \`${member.name.getText(source)}\` | ${value} | ${oneLine(docOf(source, member))} |`;
  });
  const head = `\`${node.name.text}\`: ${oneLine(docOf(source, node)) || "numbers."}`;
  return [head, "", "| name | value | |", "|---|---|---|", ...rows].join("\n");
}

/** Everything that a source exports, in its order. */
function describeFile(file) {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const parts = [];
  for (const node of source.statements) {
    if (!isExported(node) || (node.name && INSIDE.test(node.name.text))) continue;
    if (ts.isClassDeclaration(node)) parts.push(describeClass(source, node));
    else if (ts.isEnumDeclaration(node)) parts.push(describeEnum(source, node));
    else if (ts.isFunctionDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
      parts.push(item(signatureOf(source, node), docOf(source, node)));
    }
  }
  return parts.join("\n\n");
}

/** The functions of the C header: a docstring, then a declaration. */
function describeHeader() {
  const declaration =
    /\/\*\*((?:(?!\*\/)[^])*)\*\/\n((?:int|int32_t|uint32_t|void|const char \*)[^;{]*\));/g;
  const found = [...read(C).matchAll(declaration)];
  return found.map(([, doc, text]) => item(oneLine(text), plain(`/**${doc}*/`))).join("\n\n");
}

const section = ([heading, file]) => `### ${heading}\n\n${describeFile(file)}\n`;

function page() {
  return [
    "# Device API reference",
    "",
    "Written by `node tools/reference.mjs` from the docstrings of the sources; change it there. Limits",
    "and behaviour at length: [queue](queue.md), [meter](meter.md). From Device OS: [porting](porting.md).",
    "",
    "## Applications in AssemblyScript",
    "",
    '`import { ... } from "wboson"`, linked with the core or as a module of its own ([applications](applications.md)). No call blocks; errors are negative Statuses.',
    "",
    ...APPLICATION.map(section),
    "## Wasm exports",
    "",
    ...EXPORTS.map(section),
    "## C: bindings/wasm3/boson.h",
    "",
    describeHeader(),
    "",
    "## Node: bindings/node",
    "",
    ...NODE.map(section),
  ].join("\n");
}

const text = page();
if (process.argv[2] === "--check") {
  if (read(OUTPUT) !== text) {
    console.error(`${OUTPUT} is not what the sources say: node tools/reference.mjs`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(path.join(projectRoot, OUTPUT), text);
  console.log(`reference: ${OUTPUT}, ${text.split("\n").length} lines`);
}
