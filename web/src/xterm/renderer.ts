/**
 * Chooses the renderer: WebGL on hardware, otherwise the DOM.
 */

import type { Terminal } from "@xterm/xterm";

/** Loads the WebGL renderer. `lost` is called when its context is lost, after which cells may have another size. */
export async function loadWebgl(terminal: Terminal, lost: () => void): Promise<void> {
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

/** Software WebGL takes 1.5 to 5 times as long as the DOM for heavy output. */
function hasHardware(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}
