// Requests to the API, with the token of the profile.

import { readProfile } from "./profile";
import type { Profile } from "./profile";

/** What the API answered in place of what was wanted; the message is for people. */
export class ApiFailure extends Error {
  override name = "ApiFailure";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type Json = Record<string, unknown>;

export class ApiClient {
  constructor(private readonly profile: Profile = readProfile()) {}

  get url(): string {
    return this.profile.url;
  }

  /** @param path from "/" on. @throws ApiFailure; Error when nothing answers */
  async request<T = Json>(method: string, path: string, body?: Json): Promise<T> {
    const headers: Record<string, string> = this.headers();
    if (body) headers["content-type"] = "application/json";
    const response = await this.fetch(path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    });
    const answer = (await response.json().catch(() => ({}))) as Json;
    if (!response.ok) throw failureOf(response.status, answer);
    return answer as T;
  }

  /** Send a file as a form does. @throws ApiFailure; Error when nothing answers */
  async upload<T = Json>(method: string, path: string, name: string, file: Buffer): Promise<T> {
    const body = new FormData();
    body.set("file", new Blob([Uint8Array.from(file)]), name);
    const signal = AbortSignal.timeout(60_000);
    const response = await this.fetch(path, { method, headers: this.headers(), body, signal });
    const answer = (await response.json().catch(() => ({}))) as Json;
    if (!response.ok) throw failureOf(response.status, answer);
    return answer as T;
  }

  /** A token for a name and a password. @throws ApiFailure */
  async login(username: string, password: string): Promise<string> {
    const fields = { grant_type: "password", client_id: "boson", username, password };
    const body = new URLSearchParams(fields);
    const response = await this.fetch("/oauth/token", { method: "POST", body });
    const answer = (await response.json()) as Json;
    if (!response.ok) throw failureOf(response.status, answer);
    return String(answer.access_token);
  }

  /** An event stream as text. @throws ApiFailure */
  async *stream(path: string): AsyncGenerator<string> {
    const response = await this.fetch(path, { headers: this.headers() });
    if (!response.ok || !response.body) {
      throw failureOf(response.status, (await response.json().catch(() => ({}))) as Json);
    }
    const decoder = new TextDecoder();
    for await (const chunk of response.body) yield decoder.decode(chunk, { stream: true });
  }

  private headers(): Record<string, string> {
    const { token } = this.profile;
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.url + path, init);
    } catch (error) {
      const { cause } = error as { cause?: Error };
      throw new Error(`nothing answers at ${this.url}: ${(cause ?? (error as Error)).message}`);
    }
  }
}

function failureOf(status: number, answer: Json): ApiFailure {
  const text = answer.error_description ?? answer.error ?? `HTTP status ${status}`;
  const hint = status === 401 || /access token/.test(String(text)) ? "; try boson login" : "";
  return new ApiFailure(status, `${String(text)}${hint}`);
}

/** A device in a path. */
export function devicePath(device: string, ...rest: string[]): string {
  return ["/v1/devices", ...[device, ...rest].map(encodeURIComponent)].join("/");
}
