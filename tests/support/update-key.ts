// The update key of tests: the P-256 key of RFC 6979 §A.2.5, known to everybody. Never trust it.

import { readUpdateKey } from "../../tools/application/sign";

export const TEST_UPDATE_KEY_PEM = [
  "-----BEGIN PRIVATE KEY-----",
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX",
  "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth",
  "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ",
  "-----END PRIVATE KEY-----",
  "",
].join("\n");

/** Key pair whose public part devices under test pin. */
export const TEST_UPDATE_KEY = readUpdateKey(TEST_UPDATE_KEY_PEM);
