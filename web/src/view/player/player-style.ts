/**
 * The player's style sheet, rendered with it.
 */

export const PLAYER_STYLE = `
.tg-player {
  --tg-bg: #0d1117; --tg-bar: #161b22; --tg-line: #30363d; --tg-text: #9da7b3; --tg-strong: #e6edf3; --tg-accent: #2f81f7;
  container: tg-player / inline-size; width: 100%; height: 100%; min-height: 0; overflow: hidden;
  background: var(--tg-bg); color: var(--tg-text); font: 13px/1.4 system-ui, sans-serif; color-scheme: dark;
}
.tg-player[data-theme="light"] {
  --tg-bg: #ffffff; --tg-bar: #f6f8fa; --tg-line: #d0d7de; --tg-text: #57606a; --tg-strong: #1f2328; --tg-accent: #0969da; color-scheme: light;
}
.tg-player[data-theme="contrast"] {
  --tg-bg: #000000; --tg-bar: #000000; --tg-line: #ffffff; --tg-text: #ffffff; --tg-strong: #ffffff; --tg-accent: #ffff00;
}
.tg-player-parts { display: flex; height: 100%; }
.tg-player-screen { position: relative; flex: 1; min-width: 0; min-height: 0; }
.tg-player-fill { position: absolute; inset: 0; }
.tg-player-fill[data-sought] .ap-overlay-start { display: none; }
.tg-player-screen p { position: absolute; inset: 0; display: grid; place-content: center; gap: 12px; margin: 0; padding: 16px; text-align: center; }
.tg-player-side {
  flex: 0 0 240px; box-sizing: border-box; display: flex; flex-direction: column; gap: 8px; min-height: 0; padding: 8px; border-left: 1px solid var(--tg-line);
  background: var(--tg-bar);
}
.tg-player-controls { display: flex; align-items: center; justify-content: space-between; gap: 8px; }
.tg-player-side p { margin: 0; }
.tg-player-side ol { flex: 1; min-height: 0; margin: 0; padding: 0; overflow: auto; list-style: none; }
.tg-player-side li button {
  display: flex; gap: 8px; width: 100%; padding: 4px 6px; border: 0; border-radius: 6px; background: none; color: inherit; font: inherit;
  text-align: left; cursor: pointer; overflow-wrap: anywhere;
}
.tg-player-side li button:hover { background: var(--tg-line); color: var(--tg-strong); }
.tg-player-side li span { flex: none; color: var(--tg-strong); font-variant-numeric: tabular-nums; }
.tg-player :focus-visible { outline: 2px solid var(--tg-accent); outline-offset: -2px; }
@container tg-player (width < 640px) {
  .tg-player-parts { flex-direction: column; }
  .tg-player-side { flex-basis: 45%; border-top: 1px solid var(--tg-line); border-left: 0; }
  .tg-player-side input[type="search"] { font-size: 16px; }
}
@media (pointer: coarse) {
  .tg-player-side :is(button, select, label, input[type="search"]) { min-height: 44px; }
  .tg-player-side li button { align-items: center; }
  .tg-player-side label { display: flex; align-items: center; gap: 6px; }
}
`;
