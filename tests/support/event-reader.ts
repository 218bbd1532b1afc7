// Reads server-sent events of the API, one after the other.

import { parseEvents } from "../../cloud/cli/events";

/** Events of a stream until it ends, or the reader returns. */
export async function* readEvents(
  url: string,
  token: string,
): AsyncGenerator<{ name: string; [field: string]: unknown }, void, undefined> {
  const controller = new AbortController();
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers, signal: controller.signal });
  if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
  const body = response.body;
  async function* texts(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    for await (const piece of body) yield decoder.decode(piece as Uint8Array, { stream: true });
  }
  try {
    yield* parseEvents(texts());
  } finally {
    controller.abort();
  }
}
