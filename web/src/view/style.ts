/**
 * The component's style sheet, rendered with the component, so that a page need not import it. React 19 moves it into
 * the head, once for all terminals; React 18 leaves one in each.
 */

/**
 * Keeps the page's own rules out: those for elements and `*` from each element, inherited ones from the root. In the
 * terminal itself, `:is(#termgate, …)` outranks a page's classes and ids too, for what xterm.js never sets. In the
 * page's own elements of the status line, a page's classes win over the reset, and its rules for elements do not: each
 * `:not(tg-none)` counts as an element.
 */
const PLAIN = `
  box-sizing: border-box; margin: 0; padding: 0; border: 0; min-width: 0; min-height: 0; max-width: none; max-height: none; float: none;
  background: none; box-shadow: none; color: inherit; font: inherit; letter-spacing: inherit; word-spacing: inherit;
  line-height: inherit; text-align: inherit; text-indent: inherit; text-shadow: none; text-transform: inherit;
  direction: inherit; transform: none;
`;
const OWN = ":where(.tg-own) :not(tg-none):not(tg-none):not(tg-none)";
const OTHERS = ".tg :where(:not(.tg-own *))";
const RESET = `
.tg { all: initial; box-sizing: border-box; direction: ltr; text-align: left; }
${OTHERS}, ${OTHERS}::before, ${OTHERS}::after, ${OWN} { ${PLAIN} }
${OTHERS}::before, ${OTHERS}::after, ${OWN}::before, ${OWN}::after { content: none; }
.tg :where(button, input, textarea) { width: auto; height: auto; }
:is(#termgate, .tg), :is(#termgate, .tg) * {
  text-indent: 0; text-shadow: none; text-transform: none; word-spacing: normal; direction: ltr; float: none;
}
:is(#termgate, .tg) .xterm * { text-align: left; }
`;

export const STYLE = `${RESET}
.tg {
  --tg-bg: #0d1117; --tg-bar: #161b22; --tg-line: #30363d; --tg-text: #9da7b3; --tg-strong: #e6edf3; --tg-button: #21262d;
  --tg-button-hover: #30363d; --tg-accent: #2f81f7; --tg-accent-text: #ffffff; --tg-good: #3fb950; --tg-warn: #e3b341; --tg-bad: #ff7b72;
  --tg-shadow: 0 8px 24px rgb(1 4 9 / 75%);
  container: tg / inline-size;
  position: relative; display: flex; flex-direction: column; width: 100%; height: 100%; min-height: 0; overflow: hidden;
  background: var(--tg-bg); color: var(--tg-text); font: 12px/1.4 system-ui, sans-serif; color-scheme: dark;
}
.tg[data-theme="light"] {
  --tg-bg: #ffffff; --tg-bar: #f6f8fa; --tg-line: #d0d7de; --tg-text: #57606a; --tg-strong: #1f2328; --tg-button: #ffffff;
  --tg-button-hover: #eaeef2; --tg-accent: #0969da; --tg-good: #1a7f37; --tg-warn: #7d4e00; --tg-bad: #cf222e;
  --tg-shadow: 0 8px 24px rgb(140 149 159 / 35%); color-scheme: light;
}
.tg[data-theme="contrast"] {
  --tg-bg: #000000; --tg-bar: #000000; --tg-line: #ffffff; --tg-text: #ffffff; --tg-strong: #ffffff; --tg-button: #000000;
  --tg-button-hover: #333333; --tg-accent: #ffff00; --tg-accent-text: #000000; --tg-good: #4dff4d; --tg-warn: #ffff4d;
  --tg-bad: #ff8a8a; --tg-shadow: none;
}
.tg-stage { position: relative; flex: 1; min-height: 0; padding: 6px 0 2px 8px; }
.tg-stage::after { content: ""; position: absolute; inset: 0; pointer-events: none; z-index: 6; box-shadow: inset 0 0 0 0 transparent; }
.tg-stage:focus-within::after { box-shadow: inset 0 0 0 1px var(--tg-accent); }
.tg[data-theme="contrast"] .tg-stage:focus-within::after { box-shadow: inset 0 0 0 2px var(--tg-accent); }
.tg[data-bell] .tg-stage::after { box-shadow: inset 0 0 0 3px var(--tg-warn); }
@media (prefers-reduced-motion: no-preference) { .tg-stage::after { transition: box-shadow 120ms; } }
.tg-screen { width: 100%; height: 100%; overflow: hidden; }
/* xterm.js blinks with an animation that restyles the page 60 times a second, also where a program asks for it. */
.tg .xterm-cursor { animation: none !important; }
.tg-screen[data-boxed] .xterm { outline: 1px solid var(--tg-line); }
.tg button, .tg a.tg-button {
  padding: 2px 10px; border: 1px solid var(--tg-line); border-radius: 6px; background: var(--tg-button); color: var(--tg-strong);
  font: inherit; text-align: center; text-decoration: none; cursor: pointer; white-space: nowrap;
}
.tg button:hover, .tg a.tg-button:hover { background: var(--tg-button-hover); }
.tg button:focus-visible, .tg a:focus-visible, .tg input:focus-visible, .tg-lines:focus-visible {
  outline: 2px solid var(--tg-accent); outline-offset: 1px;
}
.tg button[aria-pressed="true"], .tg button.tg-primary { background: var(--tg-accent); border-color: var(--tg-accent); color: var(--tg-accent-text); }
.tg[data-theme="dark"] button[aria-pressed="true"], .tg[data-theme="dark"] .tg-primary { background: #1f6feb; border-color: #1f6feb; }
.tg-person button { margin-left: 8px; }
.tg .tg-primary:hover { filter: brightness(1.1); }
.tg-status {
  position: relative; display: flex; align-items: center; gap: 10px; flex: none; min-height: 30px; padding: 2px 10px;
  background: var(--tg-bar); border-top: 1px solid var(--tg-line); white-space: nowrap; font-variant-numeric: tabular-nums;
}
.tg-state { color: var(--tg-strong); margin-left: -3px; }
.tg-detail { flex: 0 100 auto; overflow: hidden; text-overflow: ellipsis; min-width: 0; }
.tg-lasting, .tg-toast { display: none; }
.tg-own { display: contents; }
.tg-spring { flex: 1; }
.tg-short { color: var(--tg-warn) !important; font-weight: 600; }
.tg-status > button, .tg-state, .tg-left { flex: none; }
.tg-typing { display: flex; gap: 0.3em; flex: 0 1 auto; min-width: 13em; color: var(--tg-strong); }
.tg-typing > * { overflow: hidden; text-overflow: ellipsis; }
.tg-typing bdi { flex: 0 100 auto; min-width: 2em; }
.tg-badge { flex: none; padding: 1px 8px; border: 1px solid var(--tg-accent); border-radius: 10px; color: var(--tg-strong); }
.tg button.tg-faces { display: flex; align-items: center; gap: 3px; border-color: transparent; background: none; padding: 2px 4px; }
.tg button.tg-faces:hover, .tg button.tg-faces[aria-expanded="true"] { background: var(--tg-button-hover); }
.tg-face {
  display: grid; place-content: center; min-width: 20px; height: 20px; padding: 0 3px; border: 1px solid var(--tg-line); border-radius: 10px;
  background: var(--tg-button); color: var(--tg-strong); font-size: 10px; font-weight: 600;
}
.tg-face[data-part="instructor"] { border-color: var(--tg-warn); box-shadow: inset 0 0 0 1px var(--tg-warn); }
.tg-dot { width: 8px; height: 8px; flex: none; border-radius: 50%; background: var(--tg-bad); }
.tg[data-status="connected"] .tg-dot { background: var(--tg-good); }
.tg[data-stalled] .tg-dot, .tg[data-status="connecting"] .tg-dot, .tg[data-status="reconnecting"] .tg-dot { background: var(--tg-warn); }
.tg-disclosure { flex: none; }
.tg-disclosure:last-child { min-width: 5em; text-align: right; }
.tg button.tg-latency { border-color: transparent; background: none; color: var(--tg-text); padding: 2px 6px; margin-right: -6px; }
.tg button.tg-latency:hover, .tg button.tg-latency[aria-expanded="true"] { background: var(--tg-button-hover); color: var(--tg-strong); }
.tg-panel {
  position: absolute; right: 8px; bottom: calc(100% + 6px); z-index: 8; display: grid; gap: 6px; min-width: 250px; max-width: calc(100% - 16px);
  padding: 12px 14px; white-space: normal; overflow-wrap: anywhere; user-select: text;
  border: 1px solid var(--tg-line); border-radius: 8px; background: var(--tg-bar); box-shadow: var(--tg-shadow); text-align: left;
}
.tg-panel b { color: var(--tg-strong); }
.tg-panel:focus-visible { outline: none; }
.tg-copy { display: flex; align-items: center; gap: 8px; margin-top: 4px; }
.tg-hop { display: grid; grid-template-columns: 9em 1fr 4em; align-items: center; gap: 8px; }
.tg-hop > :last-child { text-align: right; color: var(--tg-strong); }
.tg-hop meter { width: 100%; height: 10px; }
.tg-find {
  position: absolute; top: 0; right: 20px; z-index: 7; display: flex; align-items: center; gap: 4px; max-width: calc(100% - 28px); padding: 6px;
  border: 1px solid var(--tg-line); border-top: 0; border-radius: 0 0 8px 8px; background: var(--tg-bar); box-shadow: var(--tg-shadow);
}
.tg-find input {
  width: 14em; min-width: 6em; padding: 4px 8px; border: 1px solid var(--tg-line); border-radius: 6px; background: var(--tg-bg);
  color: var(--tg-strong); font: inherit;
}
.tg-find input::placeholder { color: var(--tg-text); opacity: 1; }
.tg-find button { padding: 4px 8px; }
.tg-find button:not([aria-pressed="true"]) { border-color: transparent; background: none; }
.tg[data-theme="contrast"] .tg-find button { border-color: var(--tg-line); }
.tg-find button:hover { background: var(--tg-button-hover); }
.tg-count { min-width: 6.5em; padding: 0 4px; text-align: center; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tg-banner {
  position: absolute; top: 8px; left: 50%; z-index: 6; translate: -50%; display: flex; align-items: center; gap: 12px; width: max-content;
  max-width: calc(100% - 32px); padding: 6px 6px 6px 14px; border: 1px solid var(--tg-line); border-left: 4px solid var(--tg-warn); border-radius: 8px;
  background: var(--tg-bar); box-shadow: var(--tg-shadow);
}
.tg-banner b { color: var(--tg-strong); }
.tg-banner button { border-color: transparent; background: none; }
.tg-offers {
  position: absolute; top: 8px; right: 20px; z-index: 6; display: grid; gap: 8px; width: min(420px, calc(100% - 32px)); max-height: 60%; overflow-y: auto;
}
.tg-files {
  position: absolute; bottom: 8px; right: 20px; z-index: 6; display: grid; gap: 8px; width: min(420px, calc(100% - 32px)); max-height: 60%; overflow-y: auto;
}
.tg-files p { overflow-wrap: anywhere; }
.tg-files [data-state="failed"] { border-left-color: var(--tg-bad); }
.tg-files [data-state="done"] { border-left-color: var(--tg-good); }
.tg-files progress { flex: 1; height: 8px; appearance: none; border-radius: 4px; background: var(--tg-line); overflow: hidden; }
.tg-files progress::-webkit-progress-bar { background: var(--tg-line); }
.tg-files progress::-webkit-progress-value { background: var(--tg-accent); }
.tg-files progress::-moz-progress-bar { background: var(--tg-accent); }
.tg-percent { min-width: 3.5em; text-align: right; font-variant-numeric: tabular-nums; }
.tg-drop {
  position: absolute; inset: 6px; z-index: 7; display: grid; place-content: center; padding: 20px; border: 2px dashed var(--tg-accent); border-radius: 8px;
  background: var(--tg-bar); color: var(--tg-strong); font-size: 14px; text-align: center; opacity: 0.92; pointer-events: none;
}
.tg-offered {
  padding: 8px 10px 10px 14px; border: 1px solid var(--tg-line); border-left: 4px solid var(--tg-accent); border-radius: 8px;
  background: var(--tg-bar); color: var(--tg-text); box-shadow: var(--tg-shadow); overflow-wrap: anywhere;
}
.tg-offered header { display: flex; align-items: center; gap: 4px; }
.tg-offered header b { color: var(--tg-strong); }
.tg-offered header button { margin-left: auto; border-color: transparent; background: none; }
.tg-offered p { margin: 0 0 8px; color: var(--tg-strong); font-size: 13px; white-space: pre-wrap; }
.tg-line { display: flex; flex-wrap: wrap; justify-content: flex-end; align-items: center; gap: 8px; }
.tg-line code {
  flex: 1 1 100%; padding: 6px 8px; border: 1px solid var(--tg-line); border-radius: 6px; background: var(--tg-bg); color: var(--tg-strong);
  font: 12px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; user-select: text;
}
.tg-line button:disabled { opacity: 0.5; cursor: not-allowed; }
.tg-recording {
  flex: none; display: flex; align-items: center; justify-content: center; gap: 12px; padding: 4px 12px; border-bottom: 1px solid var(--tg-line);
  background: var(--tg-bar); color: var(--tg-strong);
}
.tg-record { display: inline-block; width: 8px; height: 8px; margin-right: 6px; border: 1px solid var(--tg-bad); border-radius: 50%; }
.tg-record[data-on] { background: var(--tg-bad); }
.tg-waiting { position: absolute; inset: 1px; z-index: 5; background: var(--tg-bg); display: grid; place-content: center; padding: 16px; text-align: center; font-size: 14px; }
.tg-cannot-show { position: absolute; inset: 0; z-index: 6; display: grid; place-content: center; gap: 12px; padding: 16px; background: var(--tg-bg); text-align: center; }
.tg-cannot-show p { margin: 0; }
.tg-cannot-show b { display: block; color: var(--tg-strong); }
.tg-cannot-show button { justify-self: center; }
.tg-dialog {
  width: min(560px, calc(100vw - 32px)); padding: 20px; border: 1px solid var(--tg-line); border-radius: 12px; background: var(--tg-bar);
  color: var(--tg-text); font: 13px/1.5 system-ui, sans-serif; box-shadow: var(--tg-shadow);
}
.tg-dialog::backdrop { background: rgb(1 4 9 / 45%); }
.tg-dialog h2 { margin: 0 0 4px; color: var(--tg-strong); font-size: 16px; font-weight: 600; }
.tg-dialog p { margin: 0 0 12px; }
.tg-lines {
  max-height: min(40vh, 260px); margin: 0 0 14px; padding: 8px 0; overflow: auto; border: 1px solid var(--tg-line); border-radius: 8px;
  background: var(--tg-bg); color: var(--tg-strong); font: 12px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
.tg-lines ol { margin: 0; padding: 0 12px 0 44px; }
.tg-lines li { white-space: pre-wrap; overflow-wrap: anywhere; padding-left: 4px; }
.tg-lines li::marker { color: var(--tg-text); }
.tg-lines p { margin: 4px 12px 0; }
.tg-dialog label { display: flex; align-items: center; gap: 8px; }
.tg-buttons { display: flex; justify-content: flex-end; gap: 8px; margin-top: 16px; }
.tg-buttons button { padding: 6px 16px; }
.tg-keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(44px, 1fr)); gap: 4px; flex: none; padding: 4px; background: var(--tg-bar); border-top: 1px solid var(--tg-line); }
.tg-keys button { min-width: 44px; min-height: 44px; padding: 0 2px; font-size: 14px; touch-action: manipulation; user-select: none; }
.tg .tg-menu {
  position: fixed; inset: auto; z-index: 9; width: max-content; max-width: calc(100vw - 8px); max-height: calc(100vh - 8px); overflow: auto;
  padding: 4px; border: 1px solid var(--tg-line); border-radius: 8px; background: var(--tg-bar); box-shadow: var(--tg-shadow);
  font: 13px/1.4 system-ui, sans-serif;
}
.tg .tg-menu button {
  display: flex; justify-content: space-between; gap: 28px; width: 100%; padding: 5px 10px; border-color: transparent; background: none;
  text-align: left; align-items: center;
}
.tg .tg-menu button:focus { background: var(--tg-accent); color: var(--tg-accent-text); outline: none; }
.tg[data-theme="dark"] .tg-menu button:focus { background: #1f6feb; }
.tg .tg-menu button[aria-disabled] { color: var(--tg-text); opacity: 0.6; cursor: default; }
.tg .tg-menu button[aria-disabled]:focus { background: var(--tg-button-hover); }
.tg .tg-menu kbd { font-size: 12px; opacity: 0.85; }
.tg-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (pointer: coarse) {
  .tg button, .tg a.tg-button, .tg input:not([type="checkbox"]), .tg-dialog label { min-width: 44px; min-height: 44px; }
  .tg input { font-size: 16px; }
  .tg .tg-menu kbd { display: none; }
}
@container tg (max-width: 1100px) {
  .tg-status[data-asked] :is(.tg-size, .tg-left:not(.tg-short)) { display: none; }
}
@container tg (max-width: 600px) {
  .tg-size, span.tg-latency, .tg-left:not(.tg-short) { display: none; }
  .tg-status { flex-wrap: wrap; gap: 4px 8px; padding: 2px 8px; }
  .tg-detail, .tg-lasting { display: block; order: 1; flex: 1 0 100%; white-space: normal; overflow-wrap: anywhere; }
  /* A line that comes and goes would change the size of the terminal each time, and end a selection. */
  .tg-detail[data-passing], .tg-detail:empty, .tg-lasting:empty { display: none; }
  .tg-toast:not(:empty) {
    display: block; position: absolute; inset: auto 8px 8px; z-index: 6; padding: 6px 14px; border: 1px solid var(--tg-line); border-radius: 8px;
    background: var(--tg-bar); color: var(--tg-strong); box-shadow: var(--tg-shadow); overflow-wrap: anywhere; pointer-events: none;
  }
  .tg-own { display: flex; align-items: center; gap: 4px; margin-left: auto; }
  .tg-stage { display: flex; flex-direction: column; }
  .tg-screen { flex: 1; height: auto; min-height: 0; }
  .tg-offers { position: static; flex: none; order: -1; width: auto; max-height: 40%; }
  .tg-offers:not(:empty) { padding: 2px 8px 8px 0; }
  .tg-find { right: 8px; }
  .tg-find input { flex: 1; width: 9em; }
  .tg-count { min-width: 0; }
}
`;

/** True if the page's Content-Security-Policy blocks it. */
export function isStyleBlocked(): boolean {
  return [...document.querySelectorAll("style")].some(
    ({ textContent, sheet }) => textContent === STYLE && sheet === null,
  );
}
