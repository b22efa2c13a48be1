/**
 * Unit tests; the browser's are in `e2e/`.
 */

import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/**/*.test.{ts,tsx}"] } });
