/**
 * Opens a ready terminal in an element of the page: xterm.js with the addons that it needs to look and measure right. Everything
 * of xterm.js is loaded here and not before, because it cannot be loaded where there is no browser.
 */

import type { FitAddon } from "@xterm/addon-fit";
import type { ITerminalOptions, Terminal } from "@xterm/xterm";
import type { TerminalClient } from "../core/index.ts";

/** A window that is being dragged reports a size per frame; only where it comes to rest counts. */
const SETTLE_MS = 80;

/** What was opened. */
export interface OpenTerminal {
  terminal: Terminal;
  /** Fits the terminal to its element again, for example after the font changed. */
  fit(): void;
  dispose(): void;
}

/** Opens a terminal in `element` and shows the client's session in it. */
export async function openTerminal(
  element: HTMLElement,
  client: TerminalClient,
  options: ITerminalOptions = {},
): Promise<OpenTerminal> {
  const [{ Terminal }, { FitAddon }, { Unicode11Addon }, { TermgateAddon }] = await Promise.all([
    import("@xterm/xterm"),
    import("@xterm/addon-fit"),
    import("@xterm/addon-unicode11"),
    import("./addon.ts"),
  ]);
  const terminal = new Terminal({ ...DEFAULTS, ...options, allowProposedApi: true });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  // The service counts columns by Unicode 11 too; with other widths, lines of emoji would wrap elsewhere.
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = "11";
  terminal.open(element);
  // First how it draws, then how much fits: cells differ a little between the two ways.
  await accelerate(terminal);
  fit.fit();
  terminal.loadAddon(new TermgateAddon(client));
  const refit = () => propose(fit, terminal, client);
  const stop = whenSettled(element, refit);
  return {
    terminal,
    fit: refit,
    dispose() {
      stop();
      terminal.dispose();
    },
  };
}

const DEFAULTS: ITerminalOptions = {
  cursorBlink: true,
  fontFamily: 'ui-monospace, "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSize: 14,
  scrollback: 10_000,
  macOptionIsMeta: true,
};

/**
 * While connected, the terminal takes a new size when the service says so, at its place in the output; otherwise at once.
 */
function propose(fit: FitAddon, terminal: Terminal, client: TerminalClient): void {
  const size = fit.proposeDimensions();
  if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return;
  const { status, role } = client.state;
  if (status === "connected" && role === "controller") client.resize(size.cols, size.rows);
  else if (status !== "connected") terminal.resize(size.cols, size.rows);
}

function whenSettled(element: HTMLElement, then: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const observer = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(then, SETTLE_MS);
  });
  observer.observe(element);
  return () => {
    clearTimeout(timer);
    observer.disconnect();
  };
}

/** Draws with WebGL where the hardware does it, and with the DOM where there is none or it is taken away. */
async function accelerate(terminal: Terminal): Promise<void> {
  if (!hasHardware()) return;
  try {
    const { WebglAddon } = await import("@xterm/addon-webgl");
    const webgl = new WebglAddon();
    webgl.onContextLoss(() => webgl.dispose());
    terminal.loadAddon(webgl);
  } catch {
    // The DOM renderer stays.
  }
}

/** WebGL in software took one and a half to five times as long as the DOM for a flood of output. */
function hasHardware(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}
