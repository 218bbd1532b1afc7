// A slice of `npm run soak -- http`.

import { fuzzHttp } from "../soak/http-fuzz";

test("3,000 odd requests: each gets an honest answer or none", async () => {
  const { requests, statuses, failures } = await fuzzHttp(3000, 1);
  expect(failures).toEqual([]);
  expect(requests).toBe(3000);
  // They reach the routes, and not only their checks.
  for (const status of ["200", "201", "400", "404", "415", "501"]) {
    expect([status, (statuses[status] ?? 0) > 0]).toEqual([status, true]);
  }
}, 120_000);
