// Rules for the page's modules (TypeScript, with types) and for the scripts around them. Run by tests/lint/eslint, which
// brings the packages of viewer/web.
import { createRequire } from "node:module";

const packages = createRequire(new URL("viewer/web/package.json", import.meta.url));
const tseslint = packages("typescript-eslint");
const js = packages("@eslint/js");

export default tseslint.config(
  { ignores: ["**/node_modules/", "build*/", "out/"] },
  js.configs.recommended,
  {
    files: ["viewer/web/src/**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: new URL("viewer/web/tsconfig.json", import.meta.url).pathname } },
    rules: {
      // The tables that are drawn are JSON: noUncheckedIndexedAccess is off, and an index is asserted where it is known.
      "@typescript-eslint/no-non-null-assertion": "off",
      eqeqeq: "error",
    },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        Buffer: "readonly",
        setTimeout: "readonly",
        document: "readonly",
        window: "readonly",
        performance: "readonly",
        requestAnimationFrame: "readonly",
      },
    },
    rules: { eqeqeq: "error" },
  },
);
