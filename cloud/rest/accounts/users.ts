// The people that may log in. Passwords are kept as scrypt hashes (RFC 7914), one-time passwords as the secret that both
// sides need (RFC 6238).

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import type { ScryptOptions } from "node:crypto";
import type { Store, Table } from "../../store/store";
import { stepOfTotp } from "./totp";

export interface User {
  /** 24 hex digits. */
  id: string;
  /** An e-mail address by habit; any text without blanks, up to 128 characters, lower case. */
  username: string;
  /** Secret of one-time passwords, 20 bytes in hex; absent: the password is enough. */
  otpSecret?: string;
}

interface StoredUser extends User {
  salt: string;
  hash: string;
}

/** RFC 7914 §2: 32 MiB and about 100 ms a hash. */
const COST: ScryptOptions = { N: 32768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const HASH_LENGTH = 32;
const MIN_PASSWORD_LENGTH = 8;
const MAX_PASSWORD_LENGTH = 256;
/** Hashes at a time, so that logins cannot take all memory. */
const MAX_HASHES = 4;

export class Users {
  private readonly table: Table<StoredUser>;
  private hashing = 0;
  /** The step of the last one-time password of each user. */
  private readonly lastOtp = new Map<string, number>();

  constructor(store: Store) {
    this.table = store.table("users");
  }

  get all(): User[] {
    return this.table.entries().map(([, user]) => publicPart(user));
  }

  /**
   * Add a user, or give one a new password.
   * @throws Error for a user name or a password that will not do
   */
  async set(username: string, password: string, otpSecret?: string): Promise<User> {
    const name = username.toLowerCase();
    if (!/^[^\s\p{Cc}]{1,128}$/u.test(name)) throw new Error(`"${username}" is no user name`);
    if (password.length < MIN_PASSWORD_LENGTH || password.length > MAX_PASSWORD_LENGTH) {
      throw new Error(`a password has ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`);
    }
    const id = this.table.get(name)?.id ?? randomBytes(12).toString("hex");
    const salt = randomBytes(16);
    const hash = (await hashPassword(password, salt)).toString("hex");
    const user: StoredUser = { id, username: name, salt: salt.toString("hex"), hash, otpSecret };
    this.table.put(name, user);
    return publicPart(user);
  }

  /**
   * Check a password. Takes as long for a name that does not exist.
   * @returns the user, or undefined when name or password is wrong
   * @throws Error "busy" when too many are checked at a time
   */
  async verify(username: string, password: string): Promise<User | undefined> {
    if (password.length > MAX_PASSWORD_LENGTH) return undefined;
    if (this.hashing >= MAX_HASHES) throw new Error("busy");
    const user = username.length <= 128 ? this.table.get(username.toLowerCase()) : undefined;
    this.hashing++;
    try {
      const hash = await hashPassword(password, Buffer.from(user?.salt ?? "00".repeat(16), "hex"));
      const expected = Buffer.from(user?.hash ?? "00".repeat(HASH_LENGTH), "hex");
      return timingSafeEqual(hash, expected) && user ? publicPart(user) : undefined;
    } finally {
      this.hashing--;
    }
  }

  /** Is it a one-time password of now? Each works once (RFC 6238 §5.2). @param now ms since 1970 */
  useOtp(user: User, otp: string, now: number): boolean {
    if (user.otpSecret === undefined) return false;
    const step = stepOfTotp(Buffer.from(user.otpSecret, "hex"), otp, now);
    if (step === undefined || step <= (this.lastOtp.get(user.id) ?? -1)) return false;
    this.lastOtp.set(user.id, step);
    return true;
  }

  find(username: string): User | undefined {
    const user = this.table.get(username.toLowerCase());
    return user && publicPart(user);
  }
}

function hashPassword(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, HASH_LENGTH, COST, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}

function publicPart({ id, username, otpSecret }: StoredUser): User {
  return { id, username, otpSecret };
}
