// The server's flight cut, packed, ordered and repeated in every way that DTLS allows: the device
// connects all the same.

import { ConnectionState } from "../../bindings/node";
import { encodeHandshakeMessage } from "../../cloud/dtls/handshake-message";
import type { HandshakeMessage } from "../../cloud/dtls/handshake-message";
import { HandshakeType } from "../../cloud/dtls/protocol";
import { fragmentOf, fragmentsOf, handshakeRecord, serverFlight } from "../support/flights";
import { ends } from "../support/history";
import { SeededRandom } from "../support/random";
import { World } from "../support/world";

/** Puts the messages of a flight into datagrams. */
type Packing = (messages: HandshakeMessage[], transmission: number) => Uint8Array[];

const whole = encodeHandshakeMessage;

/** Connect with the server's flight packed in another way; its last flight stays as it is. */
function connect(packing: Packing): { world: World; datagrams: number; retransmissions: number } {
  const world = new World({ cloud: { flightTimeoutMs: 1_000_000 } });
  let transmission = 0;
  let datagrams = 0;
  world.tamper = (direction, bytes) => {
    const messages = direction === "down" ? serverFlight(bytes) : undefined;
    if (!messages) return bytes;
    const packed = packing(messages, transmission++);
    datagrams += packed.length;
    return packed;
  };
  world.connectNow(300_000);
  expect(ends(world)).toEqual([]);
  return { world, datagrams, retransmissions: world.core.statistic(4) };
}

/** The packing must do without a retransmission. */
function connectAtOnce(packing: Packing): void {
  expect(connect(packing).retransmissions).toBe(0);
}

function shuffled<T>(list: T[], random: SeededRandom): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

const sizes = Array.from({ length: 60 }, (_, i) => i + 1);

describe("whole messages", () => {
  test("in one datagram with a record each, and in one record", () => {
    connectAtOnce((messages) => [Buffer.concat(messages.map((m) => handshakeRecord(whole(m))))]);
    connectAtOnce((messages) => [handshakeRecord(...messages.map(whole))]);
  });

  test("a datagram each, in every order", () => {
    const orders = (rest: number[]): number[][] =>
      rest.length === 0
        ? [[]]
        : rest.flatMap((first) =>
            orders(rest.filter((other) => other !== first)).map((others) => [first, ...others]),
          );
    for (const order of orders([0, 1, 2, 3])) {
      connectAtOnce((messages) => order.map((index) => handshakeRecord(whole(messages[index]))));
      connectAtOnce((messages) => [
        Buffer.concat(order.map((index) => handshakeRecord(whole(messages[index])))),
      ]);
    }
  });

  test("each twice, and the whole flight twice", () => {
    connectAtOnce((messages) =>
      messages.flatMap((m) => [handshakeRecord(whole(m)), handshakeRecord(whole(m))]),
    );
    connectAtOnce((messages) =>
      [...messages, ...messages].map((message) => handshakeRecord(whole(message))),
    );
  });

  test("each of them lost in the first transmission", () => {
    for (let lost = 0; lost < 4; lost++) {
      const { retransmissions } = connect((messages, transmission) =>
        messages
          .filter((_message, index) => transmission > 0 || index !== lost)
          .map((message) => handshakeRecord(whole(message))),
      );
      expect(retransmissions).toBe(1);
    }
  });

  test("only one of them in each transmission", () => {
    const { retransmissions } = connect((messages, transmission) => [
      handshakeRecord(whole(messages[transmission % 4])),
    ]);
    expect(retransmissions).toBe(3);
  });
});

describe("fragments of 1 to 60 bytes", () => {
  test("in order, a datagram each", () => {
    for (const size of sizes) {
      connectAtOnce((messages) =>
        messages.flatMap((m) => fragmentsOf(m, size).map((f) => handshakeRecord(f))),
      );
    }
  });

  test("in order, packed into one record or one datagram as far as it reaches", () => {
    for (const size of sizes.slice(3)) {
      connectAtOnce((messages) => [
        handshakeRecord(...messages.flatMap((message) => fragmentsOf(message, size))),
      ]);
    }
    for (const size of sizes.slice(20)) {
      connectAtOnce((messages) => [
        Buffer.concat(
          messages.flatMap((m) =>
            fragmentsOf(m, size).map((fragment) => handshakeRecord(fragment)),
          ),
        ),
      ]);
    }
  });

  test("each twice", () => {
    for (const size of sizes) {
      connectAtOnce((messages) =>
        messages.flatMap((message) =>
          fragmentsOf(message, size).flatMap((f) => [handshakeRecord(f), handshakeRecord(f)]),
        ),
      );
    }
  });

  test("overlapping", () => {
    for (const size of sizes.slice(1)) {
      for (const overlap of [1, size >> 1, size - 1]) {
        if (overlap >= size) continue;
        connectAtOnce((messages) =>
          messages.flatMap((m) => fragmentsOf(m, size, overlap).map((f) => handshakeRecord(f))),
        );
      }
    }
  });

  test("backwards, as far as the stash reaches; with a retransmission behind it", () => {
    for (const size of sizes.filter((n) => n >= 16)) {
      connectAtOnce((messages) =>
        messages.flatMap((m) => fragmentsOf(m, size).map((f) => handshakeRecord(f))).reverse(),
      );
    }
    for (const size of sizes.filter((n) => n < 16)) {
      const { retransmissions } = connect((messages, transmission) => {
        const records = messages.flatMap((m) =>
          fragmentsOf(m, size).map((f) => handshakeRecord(f)),
        );
        return transmission === 0 ? records.reverse() : records;
      });
      expect(retransmissions).toBeLessThanOrEqual(1);
    }
  });

  test("shuffled, anew in each transmission", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SeededRandom(seed);
      const size = 16 + random.below(45);
      connect((messages) =>
        shuffled(
          messages.flatMap((m) => fragmentsOf(m, size)),
          random,
        ).map((f) => handshakeRecord(f)),
      );
    }
  });

  test("cut differently in each transmission, with a third of them lost", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed);
      connect((messages, transmission) =>
        messages
          .flatMap((message) => fragmentsOf(message, 20 + random.below(60)))
          .filter(() => transmission > 3 || !random.chance(0.3))
          .map((fragment) => handshakeRecord(fragment)),
      );
    }
  });
});

describe("fragments that do not fit", () => {
  /** Connect with strange fragments before the genuine flight. */
  const withStrangers = (strangers: (messages: HandshakeMessage[]) => Uint8Array[]): Packing => {
    return (messages) => [
      ...strangers(messages).map((fragment) => handshakeRecord(fragment)),
      ...messages.map((message) => handshakeRecord(whole(message))),
    ];
  };
  const header = (fields: number[][]): Buffer =>
    Buffer.concat(
      fields.map(([value, size]) => Buffer.from(value.toString(16).padStart(2 * size, "0"), "hex")),
    );

  test("are dropped: longer than allowed, beyond the end, too far ahead, of zero bytes", () => {
    connectAtOnce(
      withStrangers(([hello]) => [
        header([
          [2, 1],
          [0xffffff, 3],
          [1, 2],
          [0, 3],
          [0, 3],
        ]),
        header([
          [2, 1],
          [513, 3],
          [1, 2],
          [0, 3],
          [0, 3],
        ]),
        header([
          [2, 1],
          [10, 3],
          [1, 2],
          [10, 3],
          [1, 3],
          [0, 1],
        ]),
        header([
          [2, 1],
          [10, 3],
          [1, 2],
          [0xffffff, 3],
          [0, 3],
        ]),
        header([
          [2, 1],
          [10, 3],
          [1, 2],
          [0, 3],
          [0xffffff, 3],
        ]),
        header([
          [2, 1],
          [10, 3],
          [1, 2],
          [0, 3],
          [11, 3],
          [0, 11],
        ]),
        header([
          [2, 1],
          [10, 3],
          [0xffff, 2],
          [0, 3],
          [10, 3],
          [0, 10],
        ]),
        header([
          [2, 1],
          [10, 3],
          [10, 2],
          [0, 3],
          [10, 3],
          [0, 10],
        ]),
        header([
          [2, 1],
          [10, 3],
          [0, 2],
          [0, 3],
          [10, 3],
          [0, 10],
        ]),
        fragmentOf(hello, 0, 0),
        fragmentOf(hello, 10, 10),
        Buffer.alloc(5),
        Buffer.alloc(12),
      ]),
    );
  });

  test("are dropped: messages that are longer than the core can hold", () => {
    for (const length of [513, 600, 1024, 1400]) {
      connectAtOnce(
        withStrangers((messages) =>
          messages.map((message) => {
            const body = Buffer.alloc(length, 0xee);
            return fragmentOf({ ...message, body }, 0, length);
          }),
        ),
      );
    }
  });

  test("contradict the genuine ones, and do not stand in their way", () => {
    const lie = (message: HandshakeMessage, length: number): Buffer => {
      const fragment = fragmentOf(message, 0, 5);
      fragment.writeUIntBE(length, 1, 3);
      return fragment;
    };
    for (let index = 0; index < 3; index++) {
      for (const length of [6, 200, 512]) {
        connectAtOnce(withStrangers((messages) => [lie(messages[index], length)]));
      }
      connectAtOnce(
        withStrangers((messages) => [fragmentOf({ ...messages[index], type: 99 }, 0, 5)]),
      );
    }
  });

  test("fill the stash: what finds no room comes with the next transmission", () => {
    const { retransmissions } = connect((messages, transmission) => {
      const ahead = {
        type: 99,
        messageSequence: messages[3].messageSequence + 1,
        body: Buffer.alloc(400),
      };
      const records = [...messages].reverse().map((message) => handshakeRecord(whole(message)));
      return transmission === 0
        ? [handshakeRecord(fragmentOf(ahead, 1, 400)), ...records]
        : records;
    });
    expect(retransmissions).toBeGreaterThan(0);
  });

  test("HelloRequest in between is ignored", () => {
    const request = { type: HandshakeType.HelloRequest, messageSequence: 0, body: Buffer.alloc(0) };
    for (let at = 0; at <= 4; at++) {
      connectAtOnce((messages) => {
        const records = messages.map((message) => handshakeRecord(whole(message)));
        records.splice(at, 0, handshakeRecord(whole(request)));
        return records;
      });
    }
  });
});

test("the whole handshake in either direction in the wrong order ends well", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const world = new World({ seed, minDelay: 0, maxDelay: 3000 });
    world.connectNow(400_000);
    expect({ seed, ends: ends(world) }).toEqual({ seed, ends: [] });
    expect(world.state).toBe(ConnectionState.Connected);
  }
});
