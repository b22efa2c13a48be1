/**
 * Exports a static page for any file server; with `make run`, the development gateway serves it.
 */

import { join } from "node:path";
import type { NextConfig } from "next";

const config: NextConfig = {
  output: "export",
  // The client is outside the app's directory.
  turbopack: { root: join(import.meta.dirname, "..") },
};

export default config;
