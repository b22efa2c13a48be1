// Describes the differences between two terminals.

import { FORGOTTEN, look } from "./terminal.mjs";
import { provider } from "./page.mjs";

/** Maximum of differences that one comparison reports. */
const MOST = 12;

/**
 * Differences between the found and the wanted terminal. With `only` = "screen", the scrollback does not count. `known` names
 * accepted differences; the Rust test has their reasons.
 */
export function differences(found, wanted, { only, known }) {
  const accepts = new Set(known);
  const list = [];
  const [foundState, wantedState] = [found, wanted].map((terminal) => simplified(terminal.state(), only, accepts));
  walk(foundState, wantedState, "", list);
  for (const screen of wantedState.alternate ? ["main screen", "alternate screen"] : ["main screen"]) {
    const skip = (terminal) => (only === "screen" ? terminal.state()[screen].scrollback : 0);
    const rows = [found, wanted].map((terminal) => terminal.rows(screen).slice(skip(terminal)));
    for (let y = 0; y < Math.max(rows[0].length, rows[1].length) && list.length < MOST; y++) {
      if (!rows[0][y] || !rows[1][y]) list.push(`${screen}, row ${y}: ${rows[0][y] ? "too much" : "missing"}`);
      else row(found, wanted, rows[0][y], rows[1][y], `${screen}, row ${y}`, y === 0 && accepts.has("first row wraps"), accepts, list);
    }
  }
  return list.slice(0, MOST);
}

/** Names of the parts of a terminal's state that no sequence can restore, as the Rust test knows them. */
export function unreachable(terminal) {
  const { cols, rows } = terminal.terminal;
  const core = terminal.terminal._core;
  const { normal, alt, active } = core._bufferService.buffers;
  const shown = active === alt ? [normal, alt] : [normal];
  const lines = shown.flatMap((buffer) => Array.from({ length: buffer.lines.length }, (_, at) => buffer.lines.get(at)));
  const pen = core._inputHandler._curAttrData;
  const row = active.lines.get(active.ybase + active.y);
  const columns = Array.from({ length: cols }, (_, x) => x);
  const joins = (core._inputHandler._parser.precedingJoinState >> 1) & 3;
  const reasons = {
    "half a wide character": lines.some((line) => columns.some((x) => isHalf(line, x, cols))),
    "combined with nothing": lines.some((line) => columns.some((x) => line.getWidth(x) === 1 && hasNoBase(line.getString(x)))),
    "underlined in no style": isUnderlinedInNoStyle(pen) || lines.some((line) => columns.some((x) => isUnderlinedInNoStyle(terminal.loaded(line, x)))),
    "hollow cells at the edge": lines.some((line) => isHollow(line, cols - 1) && isHollow(line, cols - 2)),
    "not printed": joins > 0 && !isPrintedWith(pen, terminal.loaded(row, active.x - joins), joins),
    "columns behind the edge": lines.some((line) => line.length > cols),
    "wrapping over nothing": active === alt && active.x >= cols && row.getWidth(cols - 1) !== 0 && !row.hasContent(cols - 1),
    "a link that does not count": pen.extended.urlId !== 0 && pen.hasExtendedAttrs() === 0,
    "alternate scrollback": alt.lines.maxLength !== rows,
    "a cursor saved behind the edge": [normal, alt].some((buffer) => buffer.savedX >= cols),
    "first row wraps": shown.some((buffer) => buffer.lines.get(0).isWrapped),
    "a cursor saved below": alt.savedY - alt.ybase >= rows,
  };
  return Object.keys(reasons).filter((name) => reasons[name]);
}

/** True for half a wide character without its other half. */
function isHalf(line, x, cols) {
  const isRight = line.getWidth(x) === 0 && !line.hasContent(x);
  const isRightNext = x + 1 < cols && line.getWidth(x + 1) === 0 && !line.hasContent(x + 1);
  return (line.getWidth(x) === 2 && !isRightNext) || (isRight && (x === 0 || line.getWidth(x - 1) !== 2));
}

/** True for an empty cell with more attributes than a background. */
function isHollow(line, x) {
  return line.getWidth(x) === 1 && !line.hasContent(x) && (line.getFg(x) !== 0 || line.getBg(x) & ~0x3ffffff) !== 0;
}

function isPrintedWith(pen, cell, width) {
  return cell.getWidth() === width && cell.getChars() !== "" && look(cell).join() === look(pen).join();
}

function isUnderlinedInNoStyle(look) {
  return (look.isUnderline() !== 0) !== (look.getUnderlineStyle() !== 0);
}

function hasNoBase(text) {
  return text !== "" && provider.wcwidth(text.codePointAt(0)) === 0;
}

function simplified(state, only, accepts) {
  if (accepts.has("forgotten links")) state.pen = state.pen.slice(0, -1);
  if (accepts.has("synchronized output")) state.modes.synchronizedOutput = false;
  for (const screen of only === "screen" ? ["main screen", "alternate screen"] : []) {
    delete state[screen].scrollback;
    delete state[screen].lines;
    const saved = state[screen]["saved cursor"];
    saved[1] = Math.max(saved[1], 0);
  }
  // Leaving the alternate screen keeps its column, so that of the hidden main screen does not matter.
  if (state.alternate) state["main screen"].cursor[0] = 0;
  return state;
}

function unlinked(cell) {
  return cell.slice(0, cell.lastIndexOf("\t"));
}

function row(found, wanted, foundRow, wantedRow, path, wrapsFreely, accepts, list) {
  if (!wrapsFreely && foundRow.isWrapped !== wantedRow.isWrapped) list.push(`${path}: wrapped ${foundRow.isWrapped}, wanted ${wantedRow.isWrapped}`);
  const [a, b] = [found.numbers(foundRow), wanted.numbers(wantedRow)];
  for (let x = 0; x < found.terminal.cols && list.length < MOST; x++) {
    const same = a[3 * x] === b[3 * x] && a[3 * x + 1] === b[3 * x + 1] && a[3 * x + 2] === b[3 * x + 2];
    if (same && !wanted.hasMore(wantedRow, x)) continue;
    const [is, should] = [found.cell(foundRow, x), wanted.cell(wantedRow, x)];
    if (accepts.has("forgotten links") && [is, should].some((text) => text.endsWith(FORGOTTEN)) && unlinked(is) === unlinked(should)) continue;
    if (is !== should) list.push(`${path}, column ${x}: ${JSON.stringify(is)}, wanted ${JSON.stringify(should)}`);
  }
}

function walk(found, wanted, path, list) {
  if (typeof found === "object" && typeof wanted === "object" && found !== null && wanted !== null) {
    for (const key of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
      walk(found[key], wanted[key], path ? `${path}, ${key}` : key, list);
    }
  } else if (found !== wanted) {
    list.push(`${path}: ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
  }
}
