// Says how two terminals differ, in words.

/** Most differences that are told of one comparison. */
const MOST = 12;

/**
 * Differences between what is and what should be; `only` what is on the screen, if asked. `known` names differences that are
 * accepted; the test says why.
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
      else row(found, wanted, rows[0][y], rows[1][y], `${screen}, row ${y}`, y === 0 && accepts.has("first row wraps"), list);
    }
  }
  return list.slice(0, MOST);
}

function simplified(state, only, accepts) {
  if (accepts.has("synchronized output")) state.modes.synchronizedOutput = false;
  if (only === "screen") for (const screen of ["main screen", "alternate screen"]) delete state[screen].scrollback;
  if (only === "screen") for (const screen of ["main screen", "alternate screen"]) delete state[screen].lines;
  // Columns of a screen that is not shown end where columns end.
  if (state.alternate) state["main screen"].cursor[0] = Math.min(state["main screen"].cursor[0], state["columns and rows"][0] - 1);
  return state;
}

function row(found, wanted, foundRow, wantedRow, path, wrapsFreely, list) {
  if (!wrapsFreely && foundRow.isWrapped !== wantedRow.isWrapped) list.push(`${path}: wrapped ${foundRow.isWrapped}, wanted ${wantedRow.isWrapped}`);
  const [a, b] = [found.numbers(foundRow), wanted.numbers(wantedRow)];
  for (let x = 0; x < found.terminal.cols && list.length < MOST; x++) {
    const same = a[3 * x] === b[3 * x] && a[3 * x + 1] === b[3 * x + 1] && a[3 * x + 2] === b[3 * x + 2];
    if (same && !wanted.hasMore(wantedRow, x)) continue;
    const [is, should] = [found.cell(foundRow, x), wanted.cell(wantedRow, x)];
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
