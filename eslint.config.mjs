import tseslint from "typescript-eslint";

const ASSEMBLYSCRIPT = [
  "assembly/**/*.ts",
  "examples/**/*.ts",
  "tests/unit/assembly/**/*.ts",
  "tests/**/*.as.ts",
];
const NODE = ["**/*.mjs", "**/*.js", "**/*.cjs"];
const HOSTS = [
  "bindings/**/*.ts",
  "cloud/**/*.ts",
  "bench/**/*.ts",
  "tests/**/*.ts",
  "tools/**/*.ts",
];

const sizes = {
  "max-lines": ["error", 500],
  "max-depth": ["error", 3],
  "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
};

const unused = ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }];

/** What makes the core allocate; `npm run check` finds the same in the module, without the line. */
const allocations = [
  { selector: "NewExpression", message: "The core does not allocate: use memory.data()." },
  { selector: "ThrowStatement", message: "Return a Status." },
  { selector: "TemplateLiteral", message: "The core has no strings." },
  { selector: "FunctionDeclaration ArrayExpression", message: "Move the table to the module." },
];

export default [
  { ignores: ["build/", ".cache/", "node_modules/", "bench/results/", "tests/vectors/"] },

  // Plain Node: tools and configuration files
  ...tseslint.configs.recommended.map((config) => ({ ...config, files: NODE })),
  {
    files: NODE,
    rules: {
      ...sizes,
      "@typescript-eslint/no-unused-vars": unused,
      "@typescript-eslint/no-require-imports": "off",
    },
  },

  // TypeScript: hosts, the local cloud, tests, benches
  ...tseslint.configs.recommended.map((config) => ({
    ...config,
    files: HOSTS,
    ignores: ASSEMBLYSCRIPT,
  })),
  {
    files: HOSTS,
    ignores: ASSEMBLYSCRIPT,
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      ...sizes,
      "@typescript-eslint/no-unused-vars": unused,
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  { files: ["tests/**/*.ts"], rules: { "max-lines-per-function": "off" } },

  // AssemblyScript: the parser must accept decorators on functions; there is no type information
  {
    files: ASSEMBLYSCRIPT,
    languageOptions: { parser: tseslint.parser, parserOptions: { allowInvalidAST: true } },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: {
      ...sizes,
      "no-fallthrough": "error",
      "no-var": "error",
      "prefer-const": "error",
      "@typescript-eslint/no-unused-vars": unused,
    },
  },
  {
    files: ["assembly/**/*.ts"],
    ignores: ["assembly/app/**"],
    rules: { "no-restricted-syntax": ["error", ...allocations] },
  },
];
