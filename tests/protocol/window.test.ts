// The receive window against a model of it: every number is taken once, and none that is 64 or more
// behind the highest.

import { Internals } from "../support/internals";
import { SeededRandom } from "../support/random";

const { call } = new Internals();
const replayTop = call.replayTop as unknown as () => bigint;

/** What a window of 64 must do, with a set of all numbers ever taken. */
class Model {
  private readonly taken = new Set<bigint>();
  top = 0n;

  isNew(number: bigint): boolean {
    return number > this.top || (this.top - number < 64n && !this.taken.has(number));
  }

  accept(number: bigint): void {
    this.taken.add(number);
    if (number > this.top) this.top = number;
  }

  close(top: bigint): void {
    for (let number = top; number >= 0n && number > top - 64n; number--) this.taken.add(number);
    this.top = top;
  }
}

function expectSame(model: Model, number: bigint): void {
  expect({ number, isNew: call.replayCheck(number) === 1 }).toEqual({
    number,
    isNew: model.isNew(number),
  });
  if (model.isNew(number)) {
    model.accept(number);
    call.replayAccept(number);
  }
  expect(replayTop()).toBe(model.top);
}

test("random walks", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const model = new Model();
    call.replayReset();
    if (seed % 2) {
      const top = BigInt(random.below(100_000));
      call.replayClose(top);
      model.close(top);
    }
    for (let i = 0; i < 400; i++) {
      const spread = [4, 70, 140, 100_000][random.below(4)];
      const number = model.top + BigInt(random.below(spread) - Math.min(spread >> 1, 70));
      if (number >= 0n) expectSame(model, number);
    }
  }
});

test("around the edges", () => {
  for (const step of [0n, 1n, 62n, 63n, 64n, 65n, 127n, 128n, 2n ** 32n, 2n ** 47n]) {
    const model = new Model();
    call.replayReset();
    for (const number of [0n, step, step + 1n, 0n, 1n, step - 63n, step - 64n, step - 62n]) {
      if (number >= 0n) expectSame(model, number);
    }
    expectSame(model, 2n ** 48n - 1n);
    expectSame(model, 2n ** 48n - 64n);
    expectSame(model, 2n ** 48n - 65n);
  }
});
