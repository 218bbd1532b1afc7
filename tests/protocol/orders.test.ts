// Every order of up to four messages of a server, and the orders that complete a handshake with all
// that may stand between their messages. tests/soak/orders.ts goes to six.

import { LEGAL_ORDERS, exploreOrders, runOrder } from "../soak/orders";
import { SYMBOLS } from "../support/scripted-server";
import type { Kind, Symbol } from "../support/scripted-server";

const LEGAL = Object.entries(LEGAL_ORDERS).flatMap(([kind, orders]) =>
  orders.map((order): [Kind, Symbol[]] => [kind as Kind, order]),
);

/** Messages that nobody follows, wherever they stand. */
const HARMLESS: Symbol[] = ["warning", "plain data", "sealed data", "HelloRequest"];

const inserted = (order: Symbol[], at: number, symbol: Symbol): Symbol[] => [
  ...order.slice(0, at),
  symbol,
  ...order.slice(at),
];

test.each(["particle", "psk", "raw key"] as const)("%s: every order of up to four", (kind) => {
  const { problems, completed, failed, dropped, ignored } = exploreOrders(kind, 4);
  expect(problems).toEqual([]);
  // ServerHello, ServerHelloDone, ChangeCipherSpec, Finished: a pre-shared key needs no more.
  expect(completed).toBe(kind === "psk" ? 1 : 0);
  expect(failed).toBeGreaterThan(3000);
  expect(dropped).toBeGreaterThan(1500);
  expect(ignored).toBeGreaterThan(700);
});

describe.each(LEGAL)("%s: %j", (kind, order) => {
  test("completes, after cookies, too", () => {
    for (let cookies = 0; cookies <= 4; cookies++) {
      const requests = Array.from({ length: cookies }, (): Symbol => "HelloVerifyRequest");
      const { problems, completed } = runOrder(kind, [...requests, ...order]);
      expect({ cookies, problems }).toEqual({ cookies, problems: [] });
      expect(completed).toBe(1);
    }
  });

  test("completes with harmless messages at each place", () => {
    for (let at = 0; at < order.length; at++) {
      for (const symbol of HARMLESS) {
        const { problems, completed } = runOrder(kind, inserted(order, at, symbol));
        expect({ at, symbol, problems }).toEqual({ at, symbol, problems: [] });
        expect(completed).toBe(1);
      }
    }
  });

  test("with one message twice, missing, or another one in its place: only as the model says", () => {
    for (let at = 0; at < order.length; at++) {
      const changed = [
        inserted(order, at, order[at]),
        order.filter((_, i) => i !== at),
        ...SYMBOLS.map((symbol) => order.map((was, i) => (i === at ? symbol : was))),
      ];
      for (const other of changed) expect(runOrder(kind, other).problems).toEqual([]);
    }
  });
});
