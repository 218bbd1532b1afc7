#!/usr/bin/env node
// The command `boson`. Its source is TypeScript, which tsx loads.

require("tsx/cjs");
require("../tools/boson/main.ts");
