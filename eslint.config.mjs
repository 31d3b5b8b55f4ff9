// Rules for the page's modules (TypeScript, with types) and for the scripts around them. Run by tests/lint/eslint; the packages are
// those of viewer/web.
import { createRequire } from "node:module";

const packages = createRequire(new URL("viewer/web/package.json", import.meta.url));
const tseslint = packages("typescript-eslint");
const js = packages("@eslint/js");

// Of Node.js, of the browser (in functions that tests send there), and of the page itself.
const kGlobals = (
  "process console URL Buffer setTimeout performance WebAssembly " +
  "self document window devicePixelRatio getComputedStyle requestAnimationFrame trapline"
).split(" ");

export default tseslint.config(
  { ignores: ["**/node_modules/", "build*/", "out/"] },
  js.configs.recommended,
  {
    files: ["viewer/web/src/**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: new URL("viewer/web/tsconfig.json", import.meta.url).pathname } },
    rules: {
      // Cells of tables are JSON of unknown type, and shown as text.
      "@typescript-eslint/no-base-to-string": "off",
      eqeqeq: "error",
    },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { globals: Object.fromEntries(kGlobals.map((name) => [name, "readonly"])) },
    rules: { eqeqeq: "error" },
  },
);
