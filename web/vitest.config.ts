/**
 * Unit tests; browser tests are in `e2e/`. Tests of React code run with the newest and the oldest supported version.
 */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** No test waits for real time, but a busy machine may be slow. In ms. */
const testTimeout = 60_000;

const PATIENCE = "test/support/patience.ts";

export default defineConfig({
  test: {
    projects: [
      {
        // The README's examples use the alias of a Next.js app.
        resolve: { alias: { "@": fileURLToPath(new URL("test/readme", import.meta.url)) } },
        test: { name: "react 19", testTimeout, include: ["test/**/*.test.{ts,tsx}"], setupFiles: [PATIENCE] },
      },
      {
        resolve: { alias: [{ find: /^react(-dom)?(?=$|\/)/, replacement: "react$118" }] },
        test: {
          name: "react 18",
          testTimeout,
          include: ["test/react/*.test.tsx", "test/view/*.test.tsx"],
          setupFiles: ["test/support/react18.ts", PATIENCE],
        },
      },
    ],
  },
});
