// Who asks: the access token of a request, in its Authorization header, its query, or its form (RFC 6750 §2).

import type { FastifyInstance, FastifyRequest } from "fastify";
import { bodyOf, textOf } from "./api";
import type { Api } from "./api";
import { BAD_TOKEN, NO_TOKEN } from "./errors";

const FORM = /^application\/x-www-form-urlencoded/i;

/** Let only requests with a valid token pass, except on routes that are open. */
export function requireToken(app: FastifyInstance, api: Api): void {
  app.decorateRequest("user", null);
  app.decorateRequest("token", "");
  // Before a body is read, and after the hook that counts requests.
  app.addHook("preParsing", async (request) => {
    if (request.routeOptions.config.open || request.is404) return;
    const token = headerToken(request) ?? queryToken(request);
    if (token !== undefined) admit(api, request, token);
    // The token may still be in the form. Nothing else is read for someone without one.
    else if (!FORM.test(request.headers["content-type"] ?? "")) throw NO_TOKEN;
  });
  app.addHook("preHandler", async (request) => {
    if (request.routeOptions.config.open || request.is404 || request.user) return;
    const token = textOf(bodyOf(request), "access_token");
    if (token === undefined) throw NO_TOKEN;
    admit(api, request, token);
  });
}

function admit(api: Api, request: FastifyRequest, token: string): void {
  const grant = api.tokens.find(token, "access");
  const user = grant && api.users.find(grant.username);
  if (!user) throw BAD_TOKEN;
  request.user = user;
  request.token = token;
}

function headerToken(request: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

function queryToken(request: FastifyRequest): string | undefined {
  const { access_token: token } = request.query as Record<string, unknown>;
  return typeof token === "string" && token !== "" ? token : undefined;
}
