// POST /oauth/token and the access tokens: login, refresh, one-time passwords, clients, logout (RFC 6749 §4.3, §4.4, §6).

import type { FastifyInstance, FastifyRequest } from "fastify";
import { bodyOf, textOf, userOf } from "../api";
import type { Api } from "../api";
import type { User } from "../accounts/users";
import { isoTime } from "../device-object";
import { ApiError, notFound, oauthError } from "../errors";

/** Seconds: 90 days unless asked otherwise, ten years at most. 0 asks for a token that does not end. */
const DEFAULT_LIFETIME = 90 * 24 * 3600;
const MAX_LIFETIME = 10 * 365 * 24 * 3600;
const MFA_LIFETIME_MS = 10 * 60_000;
const MFA_GRANT = "urn:custom:mfa-otp";
const BAD_CREDENTIALS = oauthError(400, "invalid_grant", "User credentials are invalid");

type Body = Record<string, unknown>;

export function loginRoutes(app: FastifyInstance, api: Api): void {
  const rateLimit = { max: api.limits.loginsPerMinute, timeWindow: 60_000 };
  app.post("/oauth/token", { config: { open: true, rateLimit } }, async (request) =>
    grant(api, request),
  );
  app.get("/v1/access_tokens/current", async (request) => {
    const current = api.tokens.find(request.token, "access");
    const { username } = userOf(request);
    return {
      expires_at: current?.expiresAt ? isoTime(current.expiresAt) : null,
      client_id: current?.clientId,
      scopes: [],
      orgs: [],
      username,
    };
  });
  app.delete("/v1/access_tokens/current", async (request) => {
    api.tokens.revoke(request.token, userOf(request).username);
    return { ok: true };
  });
  app.delete("/v1/access_tokens/:token", async (request) => {
    const { token } = request.params as { token: string };
    if (!api.tokens.revoke(token, userOf(request).username)) throw notFound("Access token");
    return { ok: true };
  });
  app.delete("/v1/access_tokens", async (request) => {
    api.tokens.revokeAll(userOf(request).username);
    return { ok: true };
  });
}

async function grant(api: Api, request: FastifyRequest): Promise<Body> {
  const body = bodyOf(request);
  const clientId = clientIdOf(request, body);
  switch (textOf(body, "grant_type")) {
    case "password":
      return passwordGrant(api, body, clientId);
    case MFA_GRANT:
      return otpGrant(api, body, clientId);
    case "refresh_token":
      return refreshGrant(api, body, clientId);
    case "client_credentials":
      return clientGrant(api, request, body, clientId);
    default:
      throw oauthError(400, "unsupported_grant_type", "This grant type is not supported");
  }
}

async function passwordGrant(api: Api, body: Body, clientId: string): Promise<Body> {
  const username = textOf(body, "username");
  const password = textOf(body, "password");
  if (username === undefined || password === undefined) {
    throw oauthError(400, "invalid_request", "username and password are needed");
  }
  const user = await verify(api, username, password);
  if (!user) throw BAD_CREDENTIALS;
  if (user.otpSecret === undefined) return issue(api, user, clientId, lifetimeOf(body));
  const token = api.tokens.issueMfa(user.username, clientId, MFA_LIFETIME_MS);
  throw new ApiError(403, {
    error: "mfa_required",
    error_description: "A one-time password is needed",
    mfa_token: token,
  });
}

async function verify(api: Api, username: string, password: string): Promise<User | undefined> {
  try {
    return await api.users.verify(username, password);
  } catch {
    throw oauthError(503, "temporarily_unavailable", "Too many logins at a time");
  }
}

function otpGrant(api: Api, body: Body, clientId: string): Body {
  const token = textOf(body, "mfa_token") ?? "";
  const first = api.tokens.find(token, "mfa");
  const user = first && api.users.find(first.username);
  if (!user) throw oauthError(403, "invalid_grant", "The MFA token is invalid or expired");
  if (!api.users.useOtp(user, textOf(body, "otp") ?? "", api.now())) {
    api.tokens.countFailure(token);
    throw oauthError(403, "invalid_grant", "The one-time password is wrong");
  }
  api.tokens.revoke(token, user.username);
  return issue(api, user, clientId, lifetimeOf(body));
}

function refreshGrant(api: Api, body: Body, clientId: string): Body {
  const token = textOf(body, "refresh_token") ?? "";
  const refresh = api.tokens.find(token, "refresh");
  const user = refresh && api.users.find(refresh.username);
  if (!user || refresh.clientId !== clientId) {
    throw oauthError(400, "invalid_grant", "The refresh token is invalid");
  }
  api.tokens.revoke(token, user.username);
  return issue(api, user, clientId, lifetimeOf(body));
}

function clientGrant(api: Api, request: FastifyRequest, body: Body, clientId: string): Body {
  const secret = basicCredentials(request)?.password ?? textOf(body, "client_secret") ?? "";
  const client = api.clients.verify(clientId, secret);
  const user = client && api.users.find(client.username);
  if (!user) throw oauthError(401, "invalid_client", "Client credentials are invalid");
  return issue(api, user, clientId, lifetimeOf(body));
}

function issue(api: Api, user: User, clientId: string, lifetime: number): Body {
  const tokens = api.tokens.issue(user.username, clientId, lifetime * 1000);
  return {
    token_type: "bearer",
    access_token: tokens.accessToken,
    expires_in: lifetime,
    refresh_token: tokens.refreshToken,
  };
}

/** Of a public client, anything: its secret would be no secret (RFC 6749 §2.1). */
function clientIdOf(request: FastifyRequest, body: Body): string {
  const id = basicCredentials(request)?.username ?? textOf(body, "client_id") ?? "";
  if (id === "" || id.length > 64) {
    throw oauthError(400, "invalid_client", "client_id is missing or too long");
  }
  return id;
}

/** RFC 7617 §2. */
function basicCredentials(
  request: FastifyRequest,
): { username: string; password: string } | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return { username: text.slice(0, Math.max(0, colon)), password: text.slice(colon + 1) };
}

/** @returns seconds. @throws ApiError for what is no number */
function lifetimeOf(body: Body): number {
  const text = textOf(body, "expires_in");
  if (text === undefined) return DEFAULT_LIFETIME;
  if (!/^\d{1,12}$/.test(text)) throw oauthError(400, "invalid_request", "expires_in is no number");
  return Math.min(Number(text), MAX_LIFETIME);
}
