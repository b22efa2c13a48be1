/**
 * Resolves React 18 for packages that require React themselves. (Vitest's alias replaces only the imports of tests.)
 */

import Module from "node:module";

type Resolve = (request: string, ...rest: unknown[]) => string;

const modules = Module as unknown as { _resolveFilename: Resolve };
const resolve = modules._resolveFilename;
modules._resolveFilename = function (this: unknown, request, ...rest) {
  return resolve.call(this, request.replace(/^react(-dom)?(?=$|\/)/, "react$118"), ...rest);
};
