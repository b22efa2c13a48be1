/**
 * Unit tests; the browser's are in `e2e/`. What touches React runs with the newest and with the oldest that pages may bring.
 */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        // As in a Next.js app: the README's examples are one.
        resolve: { alias: { "@": fileURLToPath(new URL("test/readme", import.meta.url)) } },
        test: { name: "react 19", include: ["test/**/*.test.{ts,tsx}"] },
      },
      {
        resolve: { alias: [{ find: /^react(-dom)?(?=$|\/)/, replacement: "react$118" }] },
        test: {
          name: "react 18",
          include: ["test/react/*.test.tsx", "test/view/*.test.tsx"],
          setupFiles: ["test/support/react18.ts"],
        },
      },
    ],
  },
});
