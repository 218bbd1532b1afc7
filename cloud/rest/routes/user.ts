// GET /v1/user: who am I. And the OAuth clients of a user.

import type { FastifyInstance } from "fastify";
import { bodyOf, textOf, userOf } from "../api";
import type { Api } from "../api";
import { badRequest, notFound } from "../errors";

export function userRoutes(app: FastifyInstance, api: Api): void {
  app.get("/v1/user", async (request) => {
    const { id, username, otpSecret } = userOf(request);
    return {
      id,
      username,
      account_info: { first_name: "", last_name: "", business_account: false },
      mfa: { enabled: otpSecret !== undefined },
      subscription_ids: [],
    };
  });
  app.get("/v1/clients", async (request) => {
    const clients = api.clients.list(userOf(request).username);
    return { ok: true, clients: clients.map(({ id, name, type }) => ({ id, name, type })) };
  });
  app.post("/v1/clients", async (request) => {
    const body = bodyOf(request);
    const name = textOf(body, "name") ?? "";
    if (name === "" || name.length > 64) throw badRequest("name is missing or too long");
    const added = api.clients.add(
      userOf(request).username,
      name,
      textOf(body, "type") ?? "installed",
    );
    if (!added) throw badRequest("too many clients");
    const { id, type, secret } = added;
    const client = { id, name, type, secret };
    // Flat as the types of the official client say, and nested as clients have read it.
    return { ok: true, ...client, client };
  });
  app.delete("/v1/clients/:client", async (request) => {
    const { client } = request.params as { client: string };
    if (!api.clients.remove(client, userOf(request).username)) throw notFound("Client");
    return { ok: true };
  });
}
