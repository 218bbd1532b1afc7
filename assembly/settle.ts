// What follows when messages of our own have ended, over either transport.

import { requestFailed } from "./client/requests";
import { describeDone, describeIsBusy } from "./cloud/describe";
import { STATE_SIZE, cloudState, stateTakeChanged } from "./cloud/state";
import { subscriptionsAreBusy, subscriptionsDone } from "./cloud/subscriptions";
import {
  Purpose,
  outboxDoneHandle,
  outboxDoneStatus,
  outboxNextId,
  outboxPollDone,
} from "./coap/outbox";
import { isReliable } from "./coap/reliability";
import { OTA, STANDARD, TCP } from "./config";
import { close, handleHelloDone, isGreeted } from "./connection";
import { dtlsSave } from "./dtls/client";
import { sessionState } from "./dtls/session";
import { Status } from "./status";
import { transferDone } from "./update/transfer";

/** Act on the ends of our own messages, other than publishes. */
export function settle(now: u32): void {
  let purpose: i32;
  while ((purpose = outboxPollDone(false)) != 0) {
    const status = outboxDoneStatus();
    if (purpose == Purpose.Describe) describeDone(status);
    else if (purpose == Purpose.Subscribe) subscriptionsDone(status);
    else if (purpose == Purpose.Goodbye) close(Status.Ok, now);
    else if (purpose == Purpose.Hello) settleHello(status, now);
    if (OTA) {
      if (purpose == Purpose.Update) transferDone(outboxDoneHandle(), status, now);
    }
    if (STANDARD) {
      if (purpose == Purpose.Request) requestFailed(outboxDoneHandle(), status);
    }
  }
  if (isGreeted() && !describeIsBusy() && !subscriptionsAreBusy() && stateTakeChanged()) {
    memory.copy(sessionState(), cloudState(), STATE_SIZE);
    dtlsSave(outboxNextId());
  }
}

/** Over TCP Hello is answered by the server's own, not by an ACK. */
// @ts-ignore: decorator
@inline
function settleHello(status: i32, now: u32): void {
  if (TCP) {
    if (isReliable()) return;
  }
  handleHelloDone(status, now);
}
