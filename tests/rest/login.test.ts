// Tokens in all their places and kinds, one-time passwords, provisioning of keys: what the official clients do not show.

import { createECDH, createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { totp } from "../../cloud/rest/accounts/totp";
import { generateKeyPair } from "../../cloud/keys";
import { generateRsaKeyPair } from "../../cloud/tcp/rsa-keys";
import { PASSWORD, RestFixture, USERNAME } from "../support/rest-fixture";

let now = Date.parse("2026-01-01T00:00:00Z");
const fixture = new RestFixture({ wallClock: () => now });
beforeAll(() => fixture.start());
afterAll(() => fixture.stop());

async function login(
  fields: Record<string, string>,
): Promise<Awaited<ReturnType<RestFixture["request"]>>> {
  const form = { client_id: "test", client_secret: "test", ...fields };
  return fixture.request("POST", "/oauth/token", { body: new URLSearchParams(form) });
}
const password = { grant_type: "password", username: USERNAME, password: PASSWORD };

test("a token works in the header, the query and the form", async () => {
  const { body } = await login(password);
  const token = body.access_token as string;
  expect(token).toMatch(/^[0-9a-f]{40}$/);
  expect((await fixture.request("GET", "/v1/user", { token })).status).toBe(200);
  expect((await fixture.request("GET", `/v1/user?access_token=${token}`)).status).toBe(200);
  const form = new URLSearchParams({ access_token: token, name: "x", data: "y" });
  const publish = await fixture.request("POST", "/v1/devices/events", { body: form });
  expect(publish).toEqual({ status: 200, body: { ok: true } });
  const wrong = new URLSearchParams({ access_token: "0".repeat(40), name: "x" });
  const refused = await fixture.request("POST", "/v1/devices/events", { body: wrong });
  expect(refused).toMatchObject({ status: 401, body: { error: "invalid_token" } });
  const none = await fixture.request("POST", "/v1/devices/events", { json: { name: "x" } });
  expect(none).toMatchObject({ status: 400, body: { error: "invalid_request" } });
});

test("a token ends after its time, and a refresh token works once", async () => {
  const { body } = await login({ ...password, expires_in: "60" });
  expect(body.expires_in).toBe(60);
  const token = body.access_token as string;
  const current = await fixture.request("GET", "/v1/access_tokens/current", { token });
  expect(current.body).toMatchObject({
    ...{ client_id: "test", scopes: [], orgs: [] },
    expires_at: new Date(now + 60_000).toISOString(),
  });
  now += 60_000;
  expect((await fixture.request("GET", "/v1/user", { token })).status).toBe(401);
  const refresh = { grant_type: "refresh_token", refresh_token: body.refresh_token as string };
  expect((await login({ ...refresh, client_id: "another" })).status).toBe(400);
  const again = await login(refresh);
  expect(again.status).toBe(200);
  const next = again.body.access_token as string;
  expect((await fixture.request("GET", "/v1/user", { token: next })).status).toBe(200);
  expect((await login(refresh)).status).toBe(400);
  const asAccess = again.body.refresh_token as string;
  expect((await fixture.request("GET", "/v1/user", { token: asAccess })).status).toBe(401);
});

test("a token is revoked by its owner only", async () => {
  const mine = (await login(password)).body.access_token as string;
  await fixture.addUser("other@example.com");
  const theirs = fixture.token("other@example.com");
  const url = `/v1/access_tokens/${mine}`;
  expect((await fixture.request("DELETE", url, { token: theirs })).status).toBe(404);
  expect((await fixture.request("DELETE", url, { token: mine })).body).toEqual({ ok: true });
  expect((await fixture.request("GET", "/v1/user", { token: mine })).status).toBe(401);
});

test("requests that are no login", async () => {
  for (const [fields, status, error] of [
    [{ grant_type: "magic" }, 400, "unsupported_grant_type"],
    [{}, 400, "unsupported_grant_type"],
    [{ ...password, client_id: "" }, 400, "invalid_client"],
    [{ ...password, expires_in: "soon" }, 400, "invalid_request"],
    [{ grant_type: "password", username: USERNAME }, 400, "invalid_request"],
    [{ ...password, password: "x".repeat(10_000) }, 400, "invalid_grant"],
    [{ ...password, username: "x".repeat(10_000) }, 400, "invalid_grant"],
  ] as const) {
    expect(await login(fields)).toMatchObject({ status, body: { error } });
  }
});

test("one-time passwords: RFC 6238 appendix B, cut to six digits", () => {
  const secret = Buffer.from("12345678901234567890");
  const times = [59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000];
  const codes = times.map((seconds) => totp(secret, seconds * 1000));
  expect(codes).toEqual(["287082", "081804", "050471", "005924", "279037", "353130"]);
});

test("a login with a one-time password, in two steps", async () => {
  const secret = "3132333435363738393031323334353637383930";
  await fixture.server.api.users.set("mfa@example.com", PASSWORD, secret);
  const first = await login({ ...password, username: "mfa@example.com" });
  expect(first).toMatchObject({ status: 403, body: { error: "mfa_required" } });
  const mfa = {
    grant_type: "urn:custom:mfa-otp",
    mfa_token: first.body.mfa_token as string,
    otp: totp(Buffer.from(secret, "hex"), now),
  };
  expect((await login({ ...mfa, otp: "12345" })).status).toBe(403);
  expect((await login({ ...mfa, mfa_token: "0".repeat(40) })).status).toBe(403);
  const second = await login(mfa);
  expect(second).toMatchObject({ status: 200, body: { token_type: "bearer" } });
  expect((await login(mfa)).status).toBe(403);
  const client = fixture.client();
  const { body } = await login({ ...password, username: "mfa@example.com" });
  expect((await login({ ...mfa, mfa_token: body.mfa_token as string })).status).toBe(403);
  now += 30_000;
  // As the official client does it.
  const sent = await client.sendOtp({
    mfaToken: body.mfa_token as string,
    otp: totp(Buffer.from(secret, "hex"), now),
  });
  expect(sent.body.access_token).toMatch(/^[0-9a-f]{40}$/);
});

test("after five wrong one-time passwords the login begins anew", async () => {
  const { body } = await login({ ...password, username: "mfa@example.com" });
  const mfa = { grant_type: "urn:custom:mfa-otp", mfa_token: body.mfa_token as string };
  for (let i = 0; i < 5; i++) await login({ ...mfa, otp: "abcdef" });
  const secret = Buffer.from("3132333435363738393031323334353637383930", "hex");
  const late = await login({ ...mfa, otp: totp(secret, now) });
  expect(late.body.error_description).toBe("The MFA token is invalid or expired");
});

test("nothing that was given out is in the store as it is", async () => {
  const { body } = await login(password);
  const { secret } = fixture.server.api.clients.add(USERNAME, "c", "installed")!;
  const written = readFileSync(path.join(fixture.cloudFolder, "store.mdb")).toString("latin1");
  expect(written).toContain(USERNAME);
  for (const text of [PASSWORD, secret, body.access_token, body.refresh_token]) {
    expect(written).not.toContain(text);
  }
});

describe("POST /v1/provisioning", () => {
  const pem = (spki: Buffer): string =>
    createPublicKey({ key: spki, format: "der", type: "spki" })
      .export({ type: "spki", format: "pem" })
      .toString();
  const id = "a1a2a3a4a5a6a7a8a9aaabac";
  const provision = (
    publicKey: string,
    token = fixture.token(),
    device = id,
  ): ReturnType<RestFixture["request"]> =>
    fixture.request("POST", `/v1/provisioning/${device}`, {
      token,
      body: new URLSearchParams({
        ...{ deviceID: device, publicKey, filename: "key", order: "manual_1", algorithm: "ecc" },
      }),
    });

  test("registers a device for its sender, gives it another key, and keeps its name", async () => {
    const first = generateKeyPair();
    expect((await provision(pem(first.spki))).body).toMatchObject({ ok: true });
    expect(fixture.cloud.registry.find(id)?.publicKey).toEqual(first.spki);
    const client = fixture.client();
    await client.renameDevice({ deviceId: id, name: "provisioned" });
    const second = generateKeyPair();
    const { body } = await client.sendPublicKey({
      deviceId: id,
      key: pem(second.spki),
      algorithm: "ecc",
    } as never);
    expect(body).toMatchObject({ ok: true });
    expect(fixture.cloud.registry.find(id)).toMatchObject({
      name: "provisioned",
      publicKey: second.spki,
    });
    const { body: made } = await client.provisionDevice({ productId: 5 });
    const deviceId = (made as unknown as { device_id: string }).device_id;
    expect(await provision(pem(second.spki), undefined, deviceId)).toMatchObject({ status: 409 });
    expect(await provision(pem(first.spki), undefined, deviceId)).toMatchObject({ status: 200 });
  });

  test("refuses a device of somebody else, and what is no key of P-256", async () => {
    await fixture.addUser("other@example.com");
    const other = fixture.token("other@example.com");
    const { spki } = generateKeyPair();
    expect(await provision(pem(spki), other)).toMatchObject({ status: 403 });
    expect(await provision("no key")).toMatchObject({ status: 400 });
    expect(await provision(pem(spki), undefined, "xyz")).toMatchObject({ status: 400 });
    const ecdh = createECDH("secp256k1");
    ecdh.generateKeys();
    const jwk = {
      ...{ kty: "EC", crv: "secp256k1" },
      x: ecdh.getPublicKey().subarray(1, 33).toString("base64url"),
      y: ecdh.getPublicKey().subarray(33).toString("base64url"),
    };
    const curve = createPublicKey({ key: jwk, format: "jwk" });
    const text = curve.export({ type: "spki", format: "pem" }).toString();
    expect(await provision(text)).toMatchObject({ status: 400 });
    const large = await generateRsaKeyPair(2048);
    expect(await provision(pem(large.spki))).toMatchObject({ status: 400 });
  });

  test("takes the RSA key of a device on TCP", async () => {
    const { spki } = await generateRsaKeyPair(1024);
    const device = "b1b2b3b4b5b6b7b8b9babbbc";
    expect(await provision(pem(spki), undefined, device)).toMatchObject({ status: 200 });
    expect(fixture.cloud.registry.findByKey(spki)?.id).toBe(device);
  });

  test("never takes a private key for a public one", async () => {
    const { privateKey } = generateKeyPair();
    const text = privateKey.export({ type: "sec1", format: "pem" }).toString();
    expect(createPrivateKey(text).type).toBe("private");
    expect(await provision(text)).toMatchObject({ status: 400 });
  });
});
