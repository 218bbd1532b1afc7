// Describe exchanges: POST /d from the device, blockwise when long (Block1, RFC 7959 §2.2: a fresh
// token for each block and no Request-Tag, as the protocol has it), and answers to GET /d.

import { BLOCK_SZX } from "../config";
import {
  encodeByteOption,
  encodeEnd,
  encodeMessage,
  encodePayloadMarker,
  encodeUintOption,
} from "../coap/message";
import { Purpose, outboxCapacity, outboxCommit, outboxHas, outboxSpace } from "../coap/outbox";
import { Code, MessageType, Option } from "../coap/protocol";
import { answerType } from "../coap/reliability";
import { Status } from "../status";
import { describe, describeChecksum } from "./description";
import { ContentFormat, DescribeType, Resource } from "./protocol";
import { acknowledgeDescribe, isDescribeAcknowledged } from "./state";
import { newToken } from "./tokens";

const BLOCK_SIZE: i32 = 1 << (BLOCK_SZX + 4);

/** Types that are still to be sent, as bits. */
let wanted: i32 = 0;
/** Type and block that is on its way; 0 none. */
let current: i32 = 0;
let block: i32 = 0;
let hasMore: bool = false;
let currentChecksum: u32 = 0;

/** Forget what was on its way; metrics that the application asked for are still wanted. */
export function describeReset(): void {
  wanted &= DescribeType.Metrics;
  current = 0;
}

/** Send the description of this type, after those asked for before. */
export function describeRequest(type: i32): void {
  wanted |= type;
}

/** Ask for those descriptions that the server has not acknowledged as they are now. */
export function describeRequestChanged(now: u32): void {
  describe(DescribeType.System, 0, 0, now);
  if (!isDescribeAcknowledged(true, describeChecksum())) wanted |= DescribeType.System;
  describe(DescribeType.Application, 0, 0, now);
  if (!isDescribeAcknowledged(false, describeChecksum())) wanted |= DescribeType.Application;
}

/** Whether a description is wanted or on its way. */
export function describeIsBusy(): bool {
  return wanted != 0 || current != 0;
}

/** Put the next block into the outbox when its turn has come and there is room. */
export function describePoll(now: u32): void {
  if (outboxHas(Purpose.Describe)) return;
  if (!current) {
    if (!wanted) return;
    current = wanted & -wanted;
    block = 0;
  }
  if (outboxCapacity() < BLOCK_SIZE + 32) return;
  const total = describe(current, 0, 0, now);
  const checksum = describeChecksum();
  if (block && checksum != currentChecksum) block = 0; // it changed under way: begin again
  currentChecksum = checksum;
  wanted &= ~current;
  hasMore = (block + 1) * BLOCK_SIZE < total;
  encodeMessage(
    outboxSpace(),
    outboxCapacity(),
    MessageType.Confirmable,
    Code.Post,
    0,
    newToken(),
    1,
  );
  encodeByteOption(Option.UriPath, Resource.Describe);
  if (current == DescribeType.System) {
    encodeUintOption(Option.ContentFormat, ContentFormat.OctetStream);
  }
  encodeByteOption(Option.UriQuery, current);
  if (total > BLOCK_SIZE) {
    encodeUintOption(Option.Block1, (block << 4) | (hasMore ? 8 : 0) | BLOCK_SZX);
  }
  encodePayloadMarker();
  describe(current, block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE, now);
  outboxCommit(Purpose.Describe, current, encodeEnd());
}

/** The block on its way was acknowledged, or failed. */
export function describeDone(status: i32): void {
  if (status == Status.Ok && hasMore) {
    block += 1;
    return;
  }
  if (status == Status.Ok && current != DescribeType.Metrics) {
    acknowledgeDescribe(current == DescribeType.System, currentChecksum);
  }
  current = 0;
}

/**
 * Answer GET /d: a separate response, blockwise (Block2) when long.
 * @param type value of Uri-Query
 * @param block2 value of the request's Block2 option, -1 when it had none
 * @returns Code.Empty when the answer is in the outbox; else the response code to piggyback;
 *   Status.NoSpace when the outbox is full: the request shall not be acknowledged
 */
export function describeAnswer(
  type: i32,
  block2: i32,
  token: usize,
  tokenLength: i32,
  now: u32,
): i32 {
  const isKnown =
    type == DescribeType.System || type == DescribeType.Application || type == DescribeType.Metrics;
  if (!isKnown) return Code.BadRequest;
  if (block2 >= 0 && (block2 & 7) != BLOCK_SZX) return Code.BadOption;
  const index = block2 < 0 ? 0 : block2 >>> 4;
  const total = describe(type, 0, 0, now);
  if (index * BLOCK_SIZE >= total) return Code.NotFound;
  if (outboxCapacity() < BLOCK_SIZE + 32) return Status.NoSpace;
  const checksum = describeChecksum();
  const more = (index + 1) * BLOCK_SIZE < total;
  encodeMessage(outboxSpace(), outboxCapacity(), answerType(), Code.Content, 0, token, tokenLength);
  if (total > BLOCK_SIZE) encodeByteOption(Option.ETag, checksum & 0xff);
  if (type == DescribeType.System) {
    encodeUintOption(Option.ContentFormat, ContentFormat.OctetStream);
  }
  if (total > BLOCK_SIZE) {
    encodeUintOption(Option.Block2, (index << 4) | (more ? 8 : 0) | BLOCK_SZX);
  }
  encodePayloadMarker();
  describe(type, index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE, now);
  const status = outboxCommit(Purpose.Response, 0, encodeEnd());
  return status < 0 ? status : Code.Empty;
}
