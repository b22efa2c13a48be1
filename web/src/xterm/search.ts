/**
 * Searches the scrollback. The addon is loaded by the first search.
 */

import type { ISearchOptions, SearchAddon } from "@xterm/addon-search";
import type { Terminal } from "@xterm/xterm";
import { THEMES } from "./themes.ts";

export interface SearchResult {
  /** Number of the match that is shown, from 1; 0 for none of them. */
  at: number;
  /** Number of matches. */
  of: number;
}

export interface SearchQuery {
  text: string;
  caseSensitive: boolean;
}

type Decorations = NonNullable<ISearchOptions["decorations"]>;

/** Colours of matches; xterm.js requires six digits. */
const ON_DARK: Decorations = {
  matchBackground: "#6b4f00",
  matchOverviewRuler: "#d29922",
  activeMatchBackground: "#a34d00",
  activeMatchBorder: "#ffb454",
  activeMatchColorOverviewRuler: "#ffb454",
};
const ON_LIGHT: Decorations = {
  matchBackground: "#fff3b0",
  matchOverviewRuler: "#b08800",
  activeMatchBackground: "#ffd33d",
  activeMatchBorder: "#7d4e00",
  activeMatchColorOverviewRuler: "#7d4e00",
};

export class Search {
  constructor(
    private readonly addon: SearchAddon,
    private readonly terminal: Terminal,
  ) {}

  /** Reports every result; the returned function stops it. */
  onFound(listener: (found: SearchResult) => void): () => void {
    const subscription = this.addon.onDidChangeResults(({ resultIndex, resultCount }) =>
      listener({ at: resultIndex + 1, of: resultCount }),
    );
    return () => subscription.dispose();
  }

  /** Shows the last match; an empty text clears the decorations. */
  find(query: SearchQuery): void {
    this.terminal.clearSelection();
    if (query.text === "") this.addon.clearDecorations();
    else this.previous(query);
  }

  next(query: SearchQuery): void {
    this.addon.findNext(query.text, this.#options(query));
  }

  previous(query: SearchQuery): void {
    this.addon.findPrevious(query.text, this.#options(query));
  }

  /** Clears the decorations; the last match stays selected. */
  end(): void {
    this.addon.clearDecorations();
  }

  #options({ caseSensitive }: SearchQuery): ISearchOptions {
    const light = this.terminal.options.theme?.background === THEMES.light.background;
    return { caseSensitive, decorations: light ? ON_LIGHT : ON_DARK };
  }
}

export async function openSearch(terminal: Terminal): Promise<Search> {
  const { SearchAddon } = await import("@xterm/addon-search");
  const addon = new SearchAddon();
  terminal.loadAddon(addon);
  return new Search(addon, terminal);
}
