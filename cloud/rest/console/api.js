// The API as the console uses it: requests with the token of this tab, and event streams. EventSource cannot send a token
// in a header, and one in the address would end up in logs.

const TOKEN = "wboson-token";

export const session = {
  get token() {
    return sessionStorage.getItem(TOKEN);
  },
  set token(token) {
    if (token === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, token);
  },
};

/** An answer that was no success; `body` is its JSON. */
export class ApiFailure extends Error {
  constructor(status, body) {
    super(body.error_description ?? body.error ?? `HTTP status ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** @throws ApiFailure */
export async function request(method, path, body) {
  const headers = { authorization: `Bearer ${session.token}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  return answerOf(
    await fetch(path, { method, headers, body: body === undefined ? body : JSON.stringify(body) }),
  );
}

/** PUT a file as a form does. @throws ApiFailure */
export async function upload(path, file) {
  const body = new FormData();
  body.set("file", file, file.name);
  const headers = { authorization: `Bearer ${session.token}` };
  return answerOf(await fetch(path, { method: "PUT", headers, body }));
}

/** POST /oauth/token. @throws ApiFailure, with "mfa_required" in its body when a one-time password is needed */
export async function grant(fields) {
  const body = new URLSearchParams({ client_id: "console", ...fields });
  const { access_token: token } = await answerOf(
    await fetch("/oauth/token", { method: "POST", body }),
  );
  session.token = token;
}

/**
 * Read an event stream until it ends.
 * @param onOpen is waited for before the first event, while events may come already
 * @param onEvent gets each event, with its name
 * @param signal ends it
 */
export async function readStream(path, onOpen, onEvent, signal) {
  const headers = { authorization: `Bearer ${session.token}` };
  const response = await fetch(path, { headers, signal });
  if (!response.ok) await answerOf(response);
  await onOpen();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const name = /^event: ?(.*)$/m.exec(block)?.[1];
      const data = /^data: ?(.*)$/m.exec(block)?.[1];
      if (name !== undefined && data !== undefined) onEvent({ name, ...JSON.parse(data) });
    }
  }
}

/** A path of names that may hold any character. */
export function pathOf(...names) {
  return `/v1/${names.map(encodeURIComponent).join("/")}`;
}

async function answerOf(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiFailure(response.status, body);
  return body;
}
