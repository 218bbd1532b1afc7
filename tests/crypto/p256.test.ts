import { createECDH, randomBytes, randomInt } from "node:crypto";

import { add, b, encodePoint, fromBytes, G, mod, multiply, n, p, power, toBytes } from "./curve";
import { cases, Crypto, Status } from "./module";

const crypto = new Crypto();
const { call } = crypto;

/** Scalars at the edges, and such as have long runs of equal digits. */
const EDGES: bigint[] = [
  ...Array.from({ length: 40 }, (_, i) => BigInt(i + 1)),
  ...Array.from({ length: 40 }, (_, i) => n - BigInt(i + 1)),
  ...[n / 2n, n / 2n + 1n, n / 2n - 1n, (n + 1n) / 2n],
  ...Array.from({ length: 255 }, (_, i) => 1n << BigInt(i + 1)),
  ...Array.from({ length: 255 }, (_, i) => (1n << BigInt(i + 1)) - 1n),
  ...Array.from({ length: 60 }, (_, i) => n - (1n << BigInt(i * 4 + 4))),
  ...[0x5555n, 0xaaaan, 0xff00n, 0x0ff0n, 0x8000n, 0x7fffn, 0x1111n].map((word) =>
    mod(word * ((2n ** 256n - 1n) / 0xffffn), n),
  ),
];

function publicKey(scalar: Buffer): { status: number; point: Buffer; x: Buffer } {
  crypto.reset();
  const point = crypto.room(65);
  const status = call.p256PublicKey(point, crypto.put(scalar));
  return { status, point: crypto.get(point, 65), x: crypto.get(point + 1, 32) };
}

function ecdh(scalar: Buffer, peer: Buffer): { status: number; shared: Buffer } {
  crypto.reset();
  const shared = crypto.room(32);
  const status = call.p256Ecdh(shared, crypto.put(scalar), crypto.put(peer));
  return { status, shared: crypto.get(shared, 32) };
}

function validate(point: Buffer): number {
  crypto.reset();
  return call.p256Validate(crypto.put(point));
}

/** A random scalar with long runs of equal bits. */
function runs(): bigint {
  let value = 0n;
  for (let bits = 0; bits < 256;) {
    const length = 1 + randomInt(60);
    value = (value << BigInt(length)) | (randomInt(2) ? (1n << BigInt(length)) - 1n : 0n);
    bits += length;
  }
  return (mod(value, 2n ** 256n) % (n - 1n)) + 1n;
}

describe("public keys", () => {
  test("edge scalars", () => {
    const ecdhNode = createECDH("prime256v1");
    for (const k of EDGES) {
      ecdhNode.setPrivateKey(toBytes(k));
      expect({ k, ...publicKey(toBytes(k)) }).toMatchObject({
        k,
        status: 0,
        point: ecdhNode.getPublicKey(),
      });
    }
  });

  test("random scalars, even and with runs", () => {
    const ecdhNode = createECDH("prime256v1");
    for (let i = 0; i < cases(600); i++) {
      const k = i & 1 ? runs() : (fromBytes(randomBytes(32)) % (n - 1n)) + 1n;
      ecdhNode.setPrivateKey(toBytes(k));
      expect(publicKey(toBytes(k)).point).toEqual(ecdhNode.getPublicKey());
    }
  });

  test.each([0n, n, n + 1n, 2n ** 256n - 1n])("no key: %d", (k) => {
    expect(publicKey(toBytes(k)).status).toBe(Status.InvalidPrivateKey);
    expect(ecdh(toBytes(k), encodePoint(G!)).status).toBe(Status.InvalidPrivateKey);
  });

  test("generated keys fit each other and differ", () => {
    const seen = new Set<string>();
    for (let i = 0; i < cases(200); i++) {
      crypto.reset();
      const [key, point] = [crypto.room(32), crypto.room(65)];
      expect(call.p256GenerateKey(key, point)).toBe(0);
      const node = createECDH("prime256v1");
      node.setPrivateKey(crypto.get(key, 32));
      expect(crypto.get(point, 65)).toEqual(node.getPublicKey());
      seen.add(crypto.get(key, 32).toString("hex"));
    }
    expect(seen.size).toBe(cases(200));
  });

  test("generation draws again outside of 1...n - 1, and gives up on a broken source", () => {
    const draws = [toBytes(n), toBytes(0n), toBytes(2n ** 256n - 1n), toBytes(5n)];
    const other = new Crypto();
    other.random = (bytes) => {
      bytes.set(draws.shift() ?? toBytes(0n));
      return bytes.length;
    };
    const [key, point] = [other.room(32), other.room(65)];
    expect(other.call.p256GenerateKey(key, point)).toBe(0);
    expect(fromBytes(other.get(key, 32))).toBe(5n);
    expect(other.call.p256GenerateKey(key, point)).toBe(Status.RandomFailure);
    for (const count of [-1, 0, 31, 33]) {
      other.random = (bytes) => (bytes.fill(7), count);
      expect(other.call.p256GenerateKey(key, point)).toBe(Status.RandomFailure);
      expect(other.get(key, 32)).toEqual(Buffer.alloc(32));
      expect(other.call.randomFill(key, 32)).toBe(Status.RandomFailure);
    }
  });
});

describe("ECDH", () => {
  test("edge scalars with a random point", () => {
    const peer = createECDH("prime256v1");
    for (const k of EDGES) {
      peer.generateKeys();
      const node = createECDH("prime256v1");
      node.setPrivateKey(toBytes(k));
      expect({ k, ...ecdh(toBytes(k), peer.getPublicKey()) }).toEqual({
        k,
        status: 0,
        shared: node.computeSecret(peer.getPublicKey()),
      });
    }
  });

  test("random pairs, from both sides", () => {
    for (let i = 0; i < cases(400); i++) {
      const ours = toBytes(i & 1 ? runs() : (fromBytes(randomBytes(32)) % (n - 1n)) + 1n);
      const peer = createECDH("prime256v1");
      peer.generateKeys();
      const { status, shared } = ecdh(ours, peer.getPublicKey());
      expect(status).toBe(0);
      expect(shared).toEqual(peer.computeSecret(publicKey(ours).point));
    }
  });

  test("the peer's point is G, -G or a small multiple of it", () => {
    for (let i = 1n; i < 40n; i++) {
      const k = (fromBytes(randomBytes(32)) % (n - 1n)) + 1n;
      for (const point of [multiply(i, G)!, multiply(n - i, G)!]) {
        expect(ecdh(toBytes(k), encodePoint(point)).shared).toEqual(toBytes(multiply(k * i, G)!.x));
      }
    }
  });

  test("leaves no secret in static memory", () => {
    const scalar = randomBytes(32);
    const clean = crypto.statics();
    ecdh(scalar, encodePoint(G!));
    publicKey(scalar);
    expect(crypto.statics()).toEqual(clean);
  });
});

describe("public key validation", () => {
  const good = encodePoint(G!);

  test("good points", () => {
    expect(validate(good)).toBe(0);
    for (let i = 0; i < cases(100); i++) {
      const node = createECDH("prime256v1");
      expect(validate(node.generateKeys())).toBe(0);
    }
    // y^2 = b at x = 0
    expect(validate(encodePoint({ x: 0n, y: power(b, (p + 1n) / 4n, p) }))).toBe(0);
  });

  test("every other first byte", () => {
    for (let prefix = 0; prefix < 256; prefix++) {
      const point = Buffer.concat([Buffer.of(prefix), good.subarray(1)]);
      expect(validate(point)).toBe(prefix === 4 ? 0 : Status.InvalidPublicKey);
    }
  });

  test.each([
    ["infinity as zeros", { x: 0n, y: 0n }],
    ["infinity of projective coordinates", { x: 0n, y: 1n }],
    ["x = p", { x: p, y: power(b, (p + 1n) / 4n, p) }],
    ["x = p and y = 0", { x: p, y: 0n }],
    ["all ones", { x: 2n ** 256n - 1n, y: 2n ** 256n - 1n }],
    ["y + 1", { x: G!.x, y: G!.y + 1n }],
    ["x and y exchanged", { x: G!.y, y: G!.x }],
    ["y = p - 1", { x: G!.x, y: p - 1n }],
  ])("refuses %s", (_, point) => {
    expect(validate(encodePoint(point))).toBe(Status.InvalidPublicKey);
    expect(ecdh(toBytes(5n), encodePoint(point)).status).toBe(Status.InvalidPublicKey);
  });

  test("refuses coordinates that are right modulo p but not below it", () => {
    // Points with a small coordinate, the only ones that fit once p is added
    let found = 0;
    for (let x = 0n; x < 40n; x++) {
      const right = mod(x * x * x - 3n * x + b, p);
      const y = power(right, (p + 1n) / 4n, p);
      if (mod(y * y, p) !== right) continue;
      found++;
      expect(validate(encodePoint({ x, y }))).toBe(0);
      expect(validate(encodePoint({ x: x + p, y }))).toBe(Status.InvalidPublicKey);
    }
    expect(found).toBeGreaterThan(5);
  });

  test("refuses points of the twist and of other curves y^2 = x^3 - 3x + c", () => {
    for (let i = 0; i < cases(200); i++) {
      const point = { x: fromBytes(randomBytes(32)) % p, y: fromBytes(randomBytes(32)) % p };
      expect(validate(encodePoint(point))).toBe(Status.InvalidPublicKey);
    }
  });

  test("refuses each changed bit of a good point", () => {
    for (let bit = 0; bit < 520; bit++) {
      const point = Buffer.from(good);
      point[bit >> 3] ^= 1 << (bit & 7);
      expect(validate(point)).toBe(Status.InvalidPublicKey);
    }
  });
});

test("the oracle of these tests adds like node", () => {
  const node = createECDH("prime256v1");
  node.setPrivateKey(toBytes(3n));
  expect(encodePoint(add(G, add(G, G))!)).toEqual(node.getPublicKey());
});
