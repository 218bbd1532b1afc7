/** @type {import("jest").Config} */
module.exports = {
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  // Other people's servers: npm run interop
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/tests/interop/"],
  modulePathIgnorePatterns: ["<rootDir>/build/", "<rootDir>/.cache/"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "commonjs" } },
    ],
  },
  reporters: ["default", "<rootDir>/tools/jest-summary-reporter.js"],
  maxWorkers: 2,
  maxConcurrency: 2,
  testTimeout: 120000,
};
