/**
 * Lets xterm.js know the browser. It takes every page in which `process.title` exists for Node.js, and bundles of Next.js
 * and others have such a `process`: then Mac, Linux and Firefox go unnoticed, and with them Cmd-A or a middle click.
 */

/** Call it before xterm.js is imported, which looks only then. */
export function revealBrowser(): void {
  if (typeof window === "undefined") return;
  // Bundlers replace exactly this name by their own object.
  if (typeof process !== "undefined") hideTitle(process);
  const { process: global } = globalThis as { process?: unknown };
  if (global) hideTitle(global);
}

/** Node.js itself, as in Electron or in tests, keeps its title. */
function hideTitle(environment: { versions?: { node?: string } }): void {
  if (environment.versions?.node === undefined) Reflect.deleteProperty(environment, "title");
}
