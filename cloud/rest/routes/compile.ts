// What a cloud with a compiler would offer. This one has none, and says so by name.

import type { FastifyInstance } from "fastify";
import { notFound, notSupported } from "../errors";
import { receiveUpload } from "../upload";

export function compileRoutes(app: FastifyInstance): void {
  app.post("/v1/binaries", async (request) => {
    if (request.isMultipart()) await receiveUpload(request);
    throw notSupported("There is no compiler here: compile locally", "compiler-not-supported");
  });
  app.get("/v1/binaries/:binary", async () => {
    throw notFound("Binary");
  });
  app.get("/v1/device-os/versions", async () => []);
  app.get("/v1/device-os/versions/:version", async () => {
    throw notFound("Device OS version");
  });
}
