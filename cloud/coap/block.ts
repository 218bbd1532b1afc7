// Block options: NUM | M | SZX (RFC 7959 §2.2).

import { findUint, uintOption } from "./codec";
import type { CoapMessage, CoapOption, CoapOptionNumber } from "./codec";

export interface Block {
  /** Index of this block. */
  number: number;
  /** More blocks follow. */
  more: boolean;
  /** Bytes per block are 2^(szx + 4): 16 to 1024. */
  szx: number;
}

export function decodeBlock(
  message: CoapMessage,
  option: CoapOptionNumber.Block1 | CoapOptionNumber.Block2,
): Block | undefined {
  const value = findUint(message, option);
  if (value === undefined) return undefined;
  return { number: value >>> 4, more: (value & 8) !== 0, szx: value & 7 };
}

export function blockOption(
  option: CoapOptionNumber.Block1 | CoapOptionNumber.Block2,
  block: Block,
): CoapOption {
  return uintOption(option, (block.number << 4) | (block.more ? 8 : 0) | block.szx);
}
