/**
 * Search in the scrollback, loaded when somebody searches for the first time.
 */

import type { ISearchOptions, SearchAddon } from "@xterm/addon-search";
import type { Terminal } from "@xterm/xterm";
import { THEMES } from "./themes.ts";

/** What was found: the place of the one shown, from 1 (0: none of them), and how many there are. */
export interface Found {
  at: number;
  of: number;
}

/** How to search. */
export interface SearchFor {
  text: string;
  caseSensitive: boolean;
}

type Marks = NonNullable<ISearchOptions["decorations"]>;

/** Colours of marks on dark and on light; xterm.js wants six digits. */
const ON_DARK: Marks = {
  matchBackground: "#6b4f00",
  matchOverviewRuler: "#d29922",
  activeMatchBackground: "#a34d00",
  activeMatchBorder: "#ffb454",
  activeMatchColorOverviewRuler: "#ffb454",
};
const ON_LIGHT: Marks = {
  matchBackground: "#fff3b0",
  matchOverviewRuler: "#b08800",
  activeMatchBackground: "#ffd33d",
  activeMatchBorder: "#7d4e00",
  activeMatchColorOverviewRuler: "#7d4e00",
};

/** The search of one terminal. */
export class Search {
  constructor(
    private readonly addon: SearchAddon,
    private readonly terminal: Terminal,
  ) {}

  /** Calls with every count; the answer ends it. */
  onFound(listener: (found: Found) => void): () => void {
    const heard = this.addon.onDidChangeResults(({ resultIndex, resultCount }) =>
      listener({ at: resultIndex + 1, of: resultCount }),
    );
    return () => heard.dispose();
  }

  /** The last place of all; with nothing to look for, no marks. */
  find(what: SearchFor): void {
    this.terminal.clearSelection();
    if (what.text === "") this.addon.clearDecorations();
    else this.previous(what);
  }

  next(what: SearchFor): void {
    this.addon.findNext(what.text, this.#options(what));
  }

  previous(what: SearchFor): void {
    this.addon.findPrevious(what.text, this.#options(what));
  }

  /** No marks any more; what was found last stays selected. */
  end(): void {
    this.addon.clearDecorations();
  }

  #options({ caseSensitive }: SearchFor): ISearchOptions {
    const light = this.terminal.options.theme?.background === THEMES.light.background;
    return { caseSensitive, decorations: light ? ON_LIGHT : ON_DARK };
  }
}

/** Loads it. */
export async function openSearch(terminal: Terminal): Promise<Search> {
  const { SearchAddon } = await import("@xterm/addon-search");
  const addon = new SearchAddon();
  terminal.loadAddon(addon);
  return new Search(addon, terminal);
}
