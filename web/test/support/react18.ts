/**
 * For packages that ask for React themselves: they get the older one too. (What the tests import, vitest's alias replaces.)
 */

import Module from "node:module";

type Resolve = (request: string, ...rest: unknown[]) => string;

const modules = Module as unknown as { _resolveFilename: Resolve };
const resolve = modules._resolveFilename;
modules._resolveFilename = function (this: unknown, request, ...rest) {
  return resolve.call(this, request.replace(/^react(-dom)?(?=$|\/)/, "react$118"), ...rest);
};
