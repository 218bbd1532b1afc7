// assembly/app/text.ts, against the standard library and RFC 3629.

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { decodeText, encodeText } from "../../../../assembly/app/text";

function encodes(text: string): bool {
  const expected = String.UTF8.encode(text);
  const actual = encodeText(text);
  if (actual.byteLength != expected.byteLength) return false;
  const at = changetype<usize>(actual);
  return memory.compare(at, changetype<usize>(expected), actual.byteLength) == 0;
}

function decodes(text: string): bool {
  const encoded = String.UTF8.encode(text);
  return decodeText(changetype<usize>(encoded), encoded.byteLength) == text;
}

section("every character");
let wrong = 0;
for (let code = 0; code < 0x10000; code++) {
  const text = String.fromCharCode(code);
  // Half of a pair is no character, but it has bytes.
  if (!encodes(text) || !decodes(text)) wrong += 1;
}
equal("of the first plane", wrong, 0);
wrong = 0;
for (let code = 0x10000; code < 0x110000; code += 61) {
  const text = String.fromCodePoint(code);
  if (!encodes(text) || !decodes(text)) wrong += 1;
}
equal("of the others", wrong, 0);

section("texts");
check("none", encodes("") && decodes(""));
check("mixed", encodes("a\u00e4\u20ac\ud83d\ude00z") && decodes("a\u00e4\u20ac\ud83d\ude00z"));
check("pairs the wrong way round", encodes("\ude00\ud83d\ud83d"));
check("long", encodes("\u20ac".repeat(1000)) && decodes("\u20ac".repeat(1000)));

section("RFC 3629 §7");
equalBytes("encoded", changetype<usize>(encodeText("A\u2262\u0391.")), "41e289a2ce912e");
equal("decoded", decodeText(bytes("efbbbff0a38eb4"), 7) == "\ufeff\ud84c\udfb4", true);

section("bytes that are no UTF-8");
// The byte behind the end would change the character.
equal("cut after one", decodeText(bytes("f0a38eb4"), 1).length, 1);
equal("cut after two", decodeText(bytes("f0a38eb4"), 2).length, 1);
equal("cut after three", decodeText(bytes("e282acac"), 2).charCodeAt(0), 0x82);
equal("no beginning", decodeText(bytes("8080"), 2).length, 2);
check("every byte", decodeText(bytes("fffefdfcfbfaf9f8f7f6f5"), 11).length <= 11);

finish();
