/**
 * The wall's style sheet, rendered with it as the terminal's is.
 */

import { THEMES, type ThemeName } from "../../xterm/index.ts";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
const BRIGHT = [
  "brightBlack",
  "brightRed",
  "brightGreen",
  "brightYellow",
  "brightBlue",
  "brightMagenta",
  "brightCyan",
  "brightWhite",
] as const;

function palette(name: ThemeName): string {
  const theme = THEMES[name];
  const colours = [...NAMES, ...BRIGHT].map((colour, at) => `--tg-colour-${at}: ${theme[colour]};`).join(" ");
  return `.tg-wall[data-theme="${name}"] { --tg-wall-bg: ${theme.background}; --tg-wall-text: ${theme.foreground}; ${colours} }`;
}

export const WALL_STYLE = `
${(["dark", "light", "contrast"] as const).map(palette).join("\n")}
.tg-wall {
  --tg-bar: #161b22; --tg-line: #30363d; --tg-dim: #9da7b3; --tg-accent: #2f81f7; --tg-warn: #e3b341; --tg-bad: #ff7b72;
  display: flex; flex-direction: column; height: 100%; min-height: 0; box-sizing: border-box; direction: ltr; text-align: left;
  background: var(--tg-bar); color: var(--tg-wall-text); font: 13px/1.4 system-ui, sans-serif; color-scheme: dark;
}
.tg-wall[data-theme="light"] {
  --tg-bar: #f6f8fa; --tg-line: #d0d7de; --tg-dim: #57606a; --tg-accent: #0969da; --tg-warn: #7d4e00; --tg-bad: #cf222e; color-scheme: light;
}
.tg-wall[data-theme="contrast"] {
  --tg-bar: #000; --tg-line: #fff; --tg-dim: #fff; --tg-accent: #ff0; --tg-warn: #ffff4d; --tg-bad: #ff8a8a;
}
.tg-wall * { box-sizing: border-box; }
.tg-wall-bar { display: flex; flex-wrap: wrap; gap: 12px; align-items: center; padding: 8px 12px; border-bottom: 1px solid var(--tg-line); }
.tg-wall-bar input {
  font: inherit; color: inherit; background: var(--tg-wall-bg); border: 1px solid var(--tg-line); border-radius: 6px; padding: 4px 8px; width: 220px;
}
.tg-wall-bar output { color: var(--tg-dim); }
.tg-wall-announce { display: grid; gap: 4px; padding: 10px 12px; border-bottom: 1px solid var(--tg-line); max-width: 720px; }
.tg-wall-announce label { color: var(--tg-dim); }
.tg-wall-announce :is(textarea, input) {
  font: inherit; color: inherit; background: var(--tg-wall-bg); border: 1px solid var(--tg-line); border-radius: 6px; padding: 4px 8px; resize: vertical;
}
.tg-wall-announce input { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.tg-wall-announce > div { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; margin-top: 4px; }
.tg-wall-tiles {
  flex: 1; min-height: 0; overflow-y: auto; list-style: none; margin: 0; padding: 12px;
  display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); grid-auto-rows: max-content; gap: 12px; align-content: start;
}
.tg-wall-tile { min-width: 0; border: 1px solid var(--tg-line); border-radius: 8px; background: var(--tg-wall-bg); overflow: hidden; contain: content; }
.tg-wall-tile[data-urgent="hand"] { border-color: var(--tg-warn); box-shadow: 0 0 0 1px var(--tg-warn); }
.tg-wall-tile[data-urgent="failed"] { border-color: var(--tg-bad); }
.tg-wall-tile header { display: flex; gap: 8px; align-items: center; padding: 4px 8px; border-bottom: 1px solid var(--tg-line); background: var(--tg-bar); }
.tg-wall-name { font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tg-wall-title { flex: 1; min-width: 0; color: var(--tg-dim); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tg-wall button {
  font: inherit; color: inherit; background: var(--tg-wall-bg); border: 1px solid var(--tg-line); border-radius: 6px; padding: 1px 8px; cursor: pointer;
}
.tg-wall :is(button, input, textarea):focus-visible { outline: 2px solid var(--tg-accent); outline-offset: 1px; }
.tg-wall-stage { container-type: inline-size; height: 190px; overflow: hidden; display: flex; align-items: flex-end; }
.tg-wall-screen {
  position: relative; flex: none; width: calc(var(--tg-cols, 80) * 1ch); height: calc(var(--tg-rows, 24) * 1lh);
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; line-height: 1.2; white-space: pre;
  font-size: clamp(4px, min(96cqw / var(--tg-cols, 80) / 0.602, 182px / var(--tg-rows, 24) / 1.2), 12px); margin: 0 2cqw 4px; font-variant-ligatures: none;
}
.tg-wall-line { height: 1lh; overflow: hidden; unicode-bidi: bidi-override; direction: ltr; }
.tg-wall-cursor { position: absolute; width: 1ch; height: 1lh; background: var(--tg-wall-text); opacity: 0.5; pointer-events: none; }
.tg-wall-command { margin: 0; padding: 2px 8px 0; font: 0.9em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tg-wall-note { margin: 0; padding: 2px 8px 4px; min-height: 1.9em; color: var(--tg-dim); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tg-wall-tile[data-urgent="hand"] .tg-wall-note { color: var(--tg-warn); font-weight: 600; }
.tg-wall-tile[data-urgent="failed"] .tg-wall-note { color: var(--tg-bad); }
.tg-wall-opened { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 12px; padding: 12px 12px 0; }
.tg-wall-opened > div { display: flex; flex-direction: column; height: 380px; border: 1px solid var(--tg-accent); border-radius: 8px; overflow: hidden; }
.tg-wall-opened header { display: flex; gap: 8px; justify-content: space-between; padding: 4px 8px; }
.tg-wall .tg-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.tg-wall-empty { padding: 24px; color: var(--tg-dim); }
`;
