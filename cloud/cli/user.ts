// boson user: add a user to a cloud that is not running, or give one a new password.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { Tokens } from "../rest/accounts/tokens";
import { Users } from "../rest/accounts/users";
import { LmdbStore } from "../store/lmdb-store";
import { SHARED_STORE_FILE, SharedStore } from "../store/shared-store";
import { askPassword } from "./ask";
import { printResult } from "./line-printer";
import { DEFAULT_DATA } from "./profile";

const OTP_SECRET_LENGTH = 20;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

interface UserFlags {
  data: string;
  otp: boolean;
  json: boolean;
}

export function userCommand(program: Command): void {
  program
    .command("user <name>")
    .description("add a user, or set a new password; the cloud must not be running")
    .option("--data <directory>", "data directory of the cloud", DEFAULT_DATA)
    .option("--otp", "ask for one-time passwords of an authenticator app, too", false)
    .option("--json", "print it as JSON", false)
    .addHelpText("after", "\nThe password is BOSON_PASSWORD, or the next line of the input.")
    .action(async (name: string, { data, otp, json }: UserFlags) => {
      const isFleet = existsSync(join(data, SHARED_STORE_FILE));
      const store = isFleet ? SharedStore.open(data) : LmdbStore.open(data);
      try {
        const secret = otp ? randomBytes(OTP_SECRET_LENGTH) : undefined;
        const password = await askPassword(name);
        const user = await new Users(store).set(name, password, secret?.toString("hex"));
        // Who changes a password has a reason.
        new Tokens(store, Date.now).revokeAll(user.username);
        const address = secret && otpAddress(user.username, secret);
        const text = `user ${user.username}; all logins so far have ended`;
        const result = { username: user.username, otp: address };
        printResult(json, result, address === undefined ? text : `${text}\n${address}`);
      } finally {
        await store.close();
      }
    });
}

/** What an authenticator app takes. */
function otpAddress(username: string, secret: Buffer): string {
  return `otpauth://totp/wboson:${encodeURIComponent(username)}?secret=${base32(secret)}`;
}

/** RFC 4648 §6, of a multiple of 5 bytes. */
export function base32(bytes: Buffer): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return bits.replace(/.{5}/g, (five) => BASE32[parseInt(five, 2)]);
}
