// assembly/update/answers.ts: messages that the device sends in an update.

import "../support/ota";
import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { decodeMessage } from "../../../../assembly/coap/message";
import {
  outboxPollDone,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import { Status } from "../../../../assembly/status";
import {
  answerAccepted,
  answerCode,
  answerReady,
  answerRefused,
  answerTo,
  replyAgain,
  replyIsDue,
  replyPoll,
  replyRefused,
  replyTo,
} from "../../../../assembly/update/answers";

const out = heap.alloc(256);
const request = bytes("41027008ab b153");

/** Begin with the request of the examples. */
function asked(): void {
  outboxReset();
  outboxSetNextId(0x23);
  decodeMessage(request, 7);
  answerTo();
}

function sent(name: string, expected: string): void {
  const length = outboxPollTransmit(out, 256, 0, 0);
  equal(name + ": bytes", length, expected.replaceAll(" ", "").length / 2);
  equalBytes(name, out, expected);
}

/** The text after the payload marker of what was sent last. */
function payloadOf(length: i32): string {
  let at = 5;
  while (load<u8>(out + at) != 0xff) at += 1;
  return String.UTF8.decodeUnsafe(out + at + 1, length - at - 1);
}

section("ready");
asked();
answerReady(256, 0);
sent("window 256 for chunks of 512, nothing held", "41410023ab e206f8 0100 40");
asked();
answerReady(256, 200);
sent("200 bytes are held", "41410023ab e206f8 0100 41 c8");

section("refused");
asked();
replyTo();
check("nothing waits", !replyIsDue());
equal("no bytes", replyPoll(out, 256), 0);
replyRefused(Status.InvalidArgument);
equal("bytes", replyPoll(out, 256), 55);
equalBytes(
  "example of the protocol",
  out,
  "61a37008abff7b22636f6465223a2d3234302c226d657373616765223a22496e76616c6964206d657373616765206f7074696f6e73227d",
);
equal("once", replyPoll(out, 256), 0);
decodeMessage(request, 7);
replyAgain();
equal("again when it is asked again", replyPoll(out, 256), 55);
decodeMessage(bytes("41027009ab b153"), 7);
replyAgain();
equal("not to another", replyPoll(out, 256), 0);

section("diagnoses");
function diagnosis(status: i32, expected: string): void {
  asked();
  equal("5.03", answerRefused(status), Status.Ok);
  const length = outboxPollTransmit(out, 256, 0, 0);
  equal("code", load<u8>(out + 1), 0xa3);
  check(expected + " " + payloadOf(length), payloadOf(length) == expected);
}
diagnosis(Status.UpdateDisabled, '{"code":-1380,"message":"updates disabled"}');
diagnosis(Status.UpdateTooLarge, '{"code":-1351,"message":"too large"}');
diagnosis(Status.InvalidState, '{"code":-210,"message":"no update"}');
diagnosis(Status.UpdateTruncated, '{"code":-240,"message":"incomplete"}');
diagnosis(Status.UpdateTimeout, '{"code":-160,"message":"timeout"}');
diagnosis(Status.UpdateStorage, '{"code":-220,"message":"storage"}');
diagnosis(Status.NotSupported, '{"code":-120,"message":"refused"}');
diagnosis(Status.UpdateMalformed, '{"code":-142,"message":"not an image"}');
diagnosis(Status.UpdateSignature, '{"code":-143,"message":"bad signature"}');
diagnosis(Status.UpdateWrongBoard, '{"code":-144,"message":"wrong board"}');
diagnosis(Status.UpdateNotNewer, '{"code":-145,"message":"not newer"}');
diagnosis(Status.UpdateCoreTooOld, '{"code":-146,"message":"core too old"}');
diagnosis(Status.UpdateImports, '{"code":-147,"message":"imports"}');
diagnosis(Status.UpdateUnmetered, '{"code":-148,"message":"not metered"}');
diagnosis(Status.UpdateHash, '{"code":-149,"message":"wrong hash"}');
diagnosis(Status.UpdateBusy, '{"code":-152,"message":"on probation"}');
diagnosis(Status.UpdateCancelled, '{"code":-154,"message":"cancelled"}');
diagnosis(Status.UpdateNoKeys, '{"code":-155,"message":"no update keys"}');
diagnosis(Status.UpdateReplayed, '{"code":-156,"message":"replayed"}');

section("accepted");
asked();
answerAccepted();
equal("sent", outboxPollTransmit(out, 256, 0, 0), 81);
equal("2.04", load<u8>(out + 1), 0x44);
check(
  "figures",
  payloadOf(81) == '{"recv_chunks":0,"dup_chunks":0,"ooo_chunks":0,"sent_acks":0,"proc_time":0}',
);
asked();
answerCode(0x44);
sent("cancelled: no payload", "41440023ab");

section("another request");
asked();
answerReady(256, 0);
decodeMessage(request, 7);
answerTo();
equal("the answer to the first is given up", outboxPollTransmit(out, 256, 0, 0), 0);
check("and says so", outboxPollDone(false) != 0);

finish();
