/**
 * A static page: any file server can serve it, and `make run` does so from the address that also takes the WebSocket.
 */

import { join } from "node:path";
import type { NextConfig } from "next";

const config: NextConfig = {
  output: "export",
  // The client lies beside the app, not in it.
  turbopack: { root: join(import.meta.dirname, "..") },
};

export default config;
