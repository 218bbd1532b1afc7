// Access tokens, refresh tokens, and the tokens between the two steps of a login with a one-time password. A token is 20
// random bytes in hex; the store has only its SHA-256, which is enough for something that random.

import { createHash, randomBytes } from "node:crypto";
import type { Store, Table } from "../../store/store";

export interface Grant {
  kind: "access" | "refresh" | "mfa";
  /** User name. */
  username: string;
  clientId: string;
  /** ms since 1970; 0: never. */
  expiresAt: number;
  /** The hash of the token that was given out with it. */
  twin?: string;
  /** Of "mfa": how often a wrong one-time password came with it. */
  failures?: number;
}

/** Tokens of one user; the one that ends first gives way. */
const MAX_TOKENS = 200;

export class Tokens {
  private readonly table: Table<Grant>;

  constructor(
    private readonly store: Store,
    private readonly now: () => number,
  ) {
    this.table = store.table("tokens");
  }

  /** Give out an access token and a refresh token for it. @param lifetimeMs 0: it does not end */
  issue(
    username: string,
    clientId: string,
    lifetimeMs: number,
  ): { accessToken: string; refreshToken: string } {
    const accessToken = makeToken();
    const refreshToken = makeToken();
    const expiresAt = lifetimeMs === 0 ? 0 : this.now() + lifetimeMs;
    const twins = [hashOf(accessToken), hashOf(refreshToken)];
    this.store.transaction(() => {
      this.makeRoom(username);
      const grant = { username, clientId, twin: twins[1] };
      this.table.put(twins[0], { kind: "access", expiresAt, ...grant });
      this.table.put(twins[1], { kind: "refresh", expiresAt: 0, ...grant, twin: twins[0] });
    });
    return { accessToken, refreshToken };
  }

  /** The token that a one-time password has to come with. */
  issueMfa(username: string, clientId: string, lifetimeMs: number): string {
    const token = makeToken();
    const expiresAt = this.now() + lifetimeMs;
    this.store.transaction(() => {
      this.makeRoom(username);
      this.table.put(hashOf(token), { kind: "mfa", username, clientId, expiresAt, failures: 0 });
    });
    return token;
  }

  /** @returns what a token stands for; undefined for an unknown one, one of another kind, or an expired one */
  find(token: string, kind: Grant["kind"]): Grant | undefined {
    const grant = this.table.get(hashOf(token));
    if (grant?.kind !== kind) return undefined;
    return this.isOver(grant) ? undefined : grant;
  }

  /** Count a wrong one-time password; after five the token is void. */
  countFailure(token: string): void {
    const grant = this.find(token, "mfa");
    if (!grant) return;
    const failures = (grant.failures ?? 0) + 1;
    if (failures >= 5) this.table.remove(hashOf(token));
    else this.table.put(hashOf(token), { ...grant, failures });
  }

  /** End a token and its twin. @returns false when this user has no such token */
  revoke(token: string, username: string): boolean {
    const hash = hashOf(token);
    const grant = this.table.get(hash);
    if (grant?.username !== username) return false;
    this.store.transaction(() => {
      this.table.remove(hash);
      if (grant.twin !== undefined) this.table.remove(grant.twin);
    });
    return true;
  }

  revokeAll(username: string): void {
    this.store.transaction(() => {
      for (const [hash, grant] of this.table.entries()) {
        if (grant.username === username) this.table.remove(hash);
      }
    });
  }

  private makeRoom(username: string): void {
    const mine: [string, Grant][] = [];
    for (const [hash, grant] of this.table.entries()) {
      if (this.isOver(grant)) this.table.remove(hash);
      else if (grant.username === username) mine.push([hash, grant]);
    }
    const endOf = ([, { expiresAt }]: [string, Grant]): number => expiresAt || Infinity;
    mine.sort((a, b) => endOf(a) - endOf(b));
    const surplus = Math.max(0, mine.length - MAX_TOKENS + 2);
    for (const [hash] of mine.slice(0, surplus)) this.table.remove(hash);
  }

  private isOver(grant: Grant): boolean {
    return grant.expiresAt !== 0 && grant.expiresAt <= this.now();
  }
}

function makeToken(): string {
  return randomBytes(20).toString("hex");
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
