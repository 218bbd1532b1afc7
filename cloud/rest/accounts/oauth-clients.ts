// OAuth clients: programs that log in with a secret of their own, for the user that made them (RFC 6749 §4.4).

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Store, Table } from "../../store/store";

export interface OAuthClient {
  id: string;
  name: string;
  type: string;
  username: string;
}

interface StoredClient extends OAuthClient {
  /** SHA-256 of the secret, hex. */
  secretHash: string;
}

const MAX_CLIENTS = 100;

export class OAuthClients {
  private readonly table: Table<StoredClient>;

  constructor(store: Store) {
    this.table = store.table("clients");
  }

  list(username: string): OAuthClient[] {
    const mine = this.table.entries().filter(([, client]) => client.username === username);
    return mine.map(([, client]) => publicPart(client));
  }

  /** @returns the client and its secret, which is not shown again; undefined when the user has too many */
  add(
    username: string,
    name: string,
    type: string,
  ): (OAuthClient & { secret: string }) | undefined {
    if (this.list(username).length >= MAX_CLIENTS) return undefined;
    const slug = name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, 32);
    const id = `${slug}-${randomBytes(4).toString("hex")}`;
    const secret = randomBytes(20).toString("hex");
    const client = { id, name, type, username, secretHash: hashOf(secret).toString("hex") };
    this.table.put(id, client);
    return { ...publicPart(client), secret };
  }

  verify(id: string, secret: string): OAuthClient | undefined {
    const client = id.length <= 64 ? this.table.get(id) : undefined;
    if (!client) return undefined;
    const expected = Buffer.from(client.secretHash, "hex");
    return timingSafeEqual(hashOf(secret), expected) ? publicPart(client) : undefined;
  }

  /** @returns false when this user has no such client */
  remove(id: string, username: string): boolean {
    if (id.length > 64 || this.table.get(id)?.username !== username) return false;
    this.table.remove(id);
    return true;
  }
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function publicPart({ id, name, type, username }: StoredClient): OAuthClient {
  return { id, name, type, username };
}
