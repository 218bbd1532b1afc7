// assembly/cloud/server-moved.ts: fields of the protobuf message, and how the request is answered

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { EventKind, resetEvents, takeEvent } from "../../../../assembly/events";
import { decodeMessage } from "../../../../assembly/coap/message";
import { outboxPollTransmit, outboxReset, outboxSetNextId } from "../../../../assembly/coap/outbox";
import { Code } from "../../../../assembly/coap/protocol";
import { CallKind, callOpen, callsReset } from "../../../../assembly/cloud/calls";
import {
  MoveField,
  finishMove,
  handleServerMoved,
  isMoveAsked,
  moveLength,
  moveStart,
} from "../../../../assembly/cloud/server-moved";

const REQUEST = "4102700badb14d";
const ADDRESS = "0a03612e62"; // "a.b"
const PORT = "10b72c"; // 5687
const KEY = "1a04c1c2c3c4";
const SIGNATURE = "220251c7";
const ALL = ADDRESS + PORT + KEY + SIGNATURE;

const out = heap.alloc(64);
const event = heap.alloc(32);

/** Handle a request with this payload. @returns the code to acknowledge it with */
function handle(payload: string): i32 {
  if (isMoveAsked()) finishMove(false);
  outboxReset();
  callsReset();
  const message = REQUEST + (payload.length ? "ff" : "") + payload;
  decodeMessage(bytes(message), message.length / 2);
  return handleServerMoved();
}

/** Whether the address, key and signature read are the ones above. */
function hasFields(): bool {
  return (
    moveLength(MoveField.Address) == 3 &&
    load<u16>(moveStart(MoveField.Address)) == 0x2e61 &&
    moveLength(MoveField.Key) == 4 &&
    load<u32>(moveStart(MoveField.Key)) == 0xc4c3c2c1 &&
    moveLength(MoveField.Signature) == 2 &&
    load<u16>(moveStart(MoveField.Signature)) == 0xc751
  );
}

section("fields");
check("none asked at first", !isMoveAsked());
equal("all four", handle(ALL), Code.Empty);
check("asked", isMoveAsked());
check("address, key, signature", hasFields());
equal("port", moveLength(MoveField.Port), 5687);
equal("in another order", handle(SIGNATURE + KEY + PORT + ADDRESS), Code.Empty);
check("the same", hasFields() && moveLength(MoveField.Port) == 5687);
equal("lengths of two bytes", handle("0a8300612e62" + PORT + KEY + SIGNATURE), Code.Empty);
check("the same again", hasFields());

section("port");
equal("missing", handle(ADDRESS + KEY + SIGNATURE), Code.Empty);
equal("is the protocol's", moveLength(MoveField.Port), 5684);
equal("0", handle(ADDRESS + "1000" + KEY + SIGNATURE), Code.Empty);
equal("too", moveLength(MoveField.Port), 5684);
equal("1", handle(ADDRESS + "1001" + KEY + SIGNATURE), Code.Empty);
equal("is kept", moveLength(MoveField.Port), 1);
equal("65535", handle(ADDRESS + "10ffff03" + KEY + SIGNATURE), Code.Empty);
equal("is kept", moveLength(MoveField.Port), 65535);
equal("65536", handle(ADDRESS + "10808004" + KEY + SIGNATURE), Code.BadRequest);
equal("28 bits", handle(ADDRESS + "10ffffff7f" + KEY + SIGNATURE), Code.BadRequest);
equal("5 bytes", handle(ADDRESS + "108180808000" + KEY + SIGNATURE), Code.BadRequest);

section("missing");
equal("everything", handle(""), Code.BadRequest);
check("none asked then", !isMoveAsked());
equal("address", handle(PORT + KEY + SIGNATURE), Code.BadRequest);
equal("address, empty", handle("0a00" + PORT + KEY + SIGNATURE), Code.BadRequest);

section("repeated: the last counts");
equal("address", handle("0a01ff" + ALL.substring(0)), Code.Empty);
check("is the second", hasFields());
equal("port", handle("1001" + ALL), Code.Empty);
equal("is the second", moveLength(MoveField.Port), 5687);
equal("key", handle("1a0100" + ALL), Code.Empty);
check("is the second", hasFields());
equal("address, then an empty one", handle(ALL + "0a00"), Code.BadRequest);

section("not such a message");
equal("field 0", handle("0200" + ALL), Code.BadRequest);
equal("field 5", handle(ALL + "2a00"), Code.BadRequest);
equal("a large field number", handle(ALL + "f2ffff7f00"), Code.BadRequest);
equal("address as a number", handle("0803" + PORT + KEY + SIGNATURE), Code.BadRequest);
equal("port as bytes", handle(ADDRESS + "1201b7" + KEY + SIGNATURE), Code.BadRequest);
equal("a length past the end", handle(ADDRESS + PORT + KEY + "220351c7"), Code.BadRequest);
equal("the largest length", handle(ADDRESS + "22ffffff7f"), Code.BadRequest);
equal("a length of 5 bytes", handle("0a8380808000612e62"), Code.BadRequest);
equal("text", handle("68656c6c6f"), Code.BadRequest);

section("cut off");
let accepted = 0;
let misread = 0;
for (let length = 1; length < ALL.length / 2; length++) {
  // Where a field ends, what is there is a message with fewer fields.
  if (length == 5 || length == 8 || length == 14) continue;
  if (handle(ALL.substring(0, 2 * length)) == Code.Empty) accepted++;
  if (isMoveAsked()) misread++;
}
equal("inside any field", accepted, 0);
equal("none asked then", misread, 0);

section("answer");
resetEvents();
outboxReset();
outboxSetNextId(0x0027);
handle(ALL);
finishMove(true);
check("none asked any more", !isMoveAsked());
equal("2.04", outboxPollTransmit(out, 64, 0, 0), 5);
equalBytes("with the token, no payload", out, "41440027ad");
equal("the host is told", takeEvent(event), EventKind.ServerMoved);
equal("port", load<i32>(event, 4), 5687);
equalBytes("address", load<u32>(event, 8), "612e62");
equal("its length", load<i32>(event, 12), 3);
equalBytes("key", load<u32>(event, 16), "c1c2c3c4");
equal("its length", load<i32>(event, 20), 4);
handle(ALL);
finishMove(false);
equal("not genuine: 4.03", outboxPollTransmit(out, 64, 0, 0), 5);
equalBytes("with the token", out, "41830028ad");
equal("the host is not told", takeEvent(event), EventKind.None);
check("none asked any more", !isMoveAsked());

section("no place");
callsReset();
while (callOpen(CallKind.Function, 0, 0, 0) > 0) {}
decodeMessage(bytes(REQUEST + "ff" + ALL), REQUEST.length / 2 + 1 + ALL.length / 2);
equal("5.03", handleServerMoved(), Code.ServiceUnavailable);
check("none asked", !isMoveAsked());

finish();
