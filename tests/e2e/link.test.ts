// The UDP socket of a Node device.

import { Link } from "../../bindings/node/link";

const handlers = { datagram: () => undefined, failed: () => undefined };

test("a socket that cannot be connected is refused, not taken for an open one", async () => {
  // Nothing is sent: without SO_BROADCAST the system refuses the address.
  await expect(Link.open("255.255.255.255", 5684, handlers)).rejects.toMatchObject({
    code: "EACCES",
  });
});
