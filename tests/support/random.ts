// A small seeded generator for tests (xorshift128+ seeded by splitmix64): a seed names a run.

export class SeededRandom {
  private readonly state = new BigUint64Array(2);

  constructor(readonly seed: number) {
    let z = BigInt(seed) + 0x9e3779b97f4a7c15n;
    for (let i = 0; i < 2; i++) {
      z = BigInt.asUintN(64, z + 0x9e3779b97f4a7c15n);
      let x = z;
      x = BigInt.asUintN(64, (x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n);
      x = BigInt.asUintN(64, (x ^ (x >> 27n)) * 0x94d049bb133111ebn);
      this.state[i] = x ^ (x >> 31n);
    }
  }

  /** 32 random bits. */
  u32(): number {
    let s1 = this.state[0];
    const s0 = this.state[1];
    const result = BigInt.asUintN(64, s0 + s1);
    this.state[0] = s0;
    s1 ^= BigInt.asUintN(64, s1 << 23n);
    this.state[1] = s1 ^ s0 ^ (s1 >> 18n) ^ (s0 >> 5n);
    return Number(result >> 32n);
  }

  /** Uniform in 0 (inclusive) to 1 (exclusive). */
  unit(): number {
    return this.u32() / 0x100000000;
  }

  /** Integer in 0...limit - 1. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
