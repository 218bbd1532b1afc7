// Functions and variables that a program offers to the cloud: its handlers by the core's numbers, and
// their answers.

import { CoreError, Status, VariableType } from "./abi";
import type { Core } from "./core";

/** Gets the argument, returns a 32-bit integer; to throw refuses the call. */
export type FunctionHandler = (argument: string) => number | Promise<number>;
export type Value = boolean | number | string;
/** To throw refuses the request. */
export type VariableHandler = () => Value | Promise<Value>;

/** An answer that found the outbox full is tried again after this long, ms. */
const ANSWER_RETRY = 50;

export class Calls {
  readonly functions = new Map<number, FunctionHandler>();
  readonly variables = new Map<number, VariableHandler>();
  private stopped = false;

  /** @param pump drains the core after an answer */
  constructor(
    private readonly core: Core,
    private readonly pump: () => void,
  ) {}

  /** Answer nothing any more. */
  stop(): void {
    this.stopped = true;
  }

  /** Answer FunctionCall; one that has no handler is refused. */
  async callFunction(number: number, call: number, argument: string): Promise<void> {
    const { exports } = this.core;
    try {
      const result = await this.functions.get(number)!(argument);
      this.answer(() => exports.function_result(call, result | 0));
    } catch {
      this.answer(() => exports.call_refused(call));
    }
  }

  /** Answer VariableRequest. */
  async readVariable(number: number, call: number, type: VariableType): Promise<void> {
    try {
      const value = encodeValue(type, await this.variables.get(number)!());
      this.answer(() => this.core.answerVariable(call, value));
    } catch {
      this.answer(() => this.core.exports.call_refused(call));
    }
  }

  /** Give an answer, again later while the outbox is full. */
  private answer(give: () => number): void {
    if (this.stopped) return;
    const status = give();
    if (status === Status.NoSpace) setTimeout(() => this.answer(give), ANSWER_RETRY);
    else if (status === Status.TooLong || status === Status.InvalidArgument) {
      throw new CoreError(status, "variable");
    }
    this.pump();
  }
}

/** A variable's value as `variable_result` takes it. */
function encodeValue(type: VariableType, value: Value): Uint8Array {
  const bytes = Buffer.alloc(8);
  switch (type) {
    case VariableType.Bool:
      return Uint8Array.of(value ? 1 : 0);
    case VariableType.Int:
      bytes.writeInt32LE(Number(value) | 0);
      return bytes.subarray(0, 4);
    case VariableType.Double:
      bytes.writeDoubleLE(Number(value));
      return bytes;
    default:
      return new TextEncoder().encode(String(value));
  }
}
