/**
 * How the terminal is drawn: with WebGL where the hardware does it, and with the DOM where there is none or it is taken away.
 */

import type { Terminal } from "@xterm/xterm";

/** `lost` when the hardware has been taken away, and cells may measure otherwise than before. */
export async function accelerate(terminal: Terminal, lost: () => void): Promise<void> {
  if (!hasHardware()) return;
  try {
    const { WebglAddon } = await import("@xterm/addon-webgl");
    const webgl = new WebglAddon();
    webgl.onContextLoss(() => {
      webgl.dispose();
      lost();
    });
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
