// `npm run interop`: the core against other people's servers; not part of `npm test`.

const path = require("node:path");

const base = require("../../jest.config.js");

/** @type {import("jest").Config} */
module.exports = {
  ...base,
  rootDir: path.resolve(__dirname, "../.."),
  testMatch: ["<rootDir>/tests/interop/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 1,
  testTimeout: 90000,
};
