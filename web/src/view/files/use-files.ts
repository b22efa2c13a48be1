/**
 * The files that pass between this page and the shell, one upload after the other, and those that programs offer. Nothing begins
 * without an act of the person at the page.
 */

"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { TerminalClient, TerminalState } from "../../core/index.ts";
import type { OpenTerminal } from "../../xterm/index.ts";
import { bytesOf, nameOf, type OfferedFile, watchOffers } from "../../xterm/offered-files.ts";
import { saveBlob } from "../save.ts";
import { useReset } from "../use-reset.ts";
import { TransferError } from "./transfer.ts";

/** Files of one drop or choice. */
export const MAX_FILES = 20;
/** Transfers that are shown; the oldest that is over goes first. */
const MAX_SHOWN = 6;

/** A transfer, as it is shown. */
export interface ShownTransfer {
  id: number;
  name: string;
  way: "up" | "down";
  /** `part` is from 0 to 1; undefined before the first byte, and where the size is not known. */
  state: { kind: "running"; part?: number | undefined } | { kind: "done" | "failed"; text: string };
}

export interface Files {
  transfers: readonly ShownTransfer[];
  offers: readonly OfferedFile[];
  /** Brings files to the directory of the shell. */
  upload(files: readonly File[]): void;
  /** Brings a folder with all that is in it there. */
  uploadFolder(entry: FileSystemDirectoryEntry): void;
  /** Takes a file of the session, or a directory as an archive. */
  download(path: string): void;
  /** Saves what a program offers, because a person clicked on it. */
  save(offer: OfferedFile): void;
  /** Cancels a transfer, or takes one that is over away. */
  remove(id: number): void;
  dismiss(offer: number): void;
}

type Transfer = (progress: (part: number | undefined) => void, signal: AbortSignal) => Promise<string>;

/** True if this page may have the session's files, and wants to offer it. */
export function filesOf({ role }: TerminalState, wanted = true): boolean {
  return wanted && role === "controller";
}

/** Undefined unless `enabled`. */
export function useFiles(client: TerminalClient, opened: OpenTerminal | null, enabled: boolean): Files | undefined {
  const [transfers, show] = useState<readonly ShownTransfer[]>([]);
  const [offered, offer] = useState<readonly OfferedFile[]>([]);
  const [dismissed, dismiss] = useState<readonly number[]>([]);
  const running = useRef(new Map<number, AbortController>());
  const last = useRef(0);
  /** The last upload, after which the next one begins. */
  const uploads = useRef(Promise.resolve());
  useReset(client, () => {
    show([]);
    offer([]);
  });
  useReset(opened, () => {
    offer([]);
    dismiss([]);
  });
  useEffect(() => (opened && enabled ? watchOffers(opened.terminal, offer) : undefined), [opened, enabled]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: transfers are those of one client
  useEffect(() => {
    const all = running.current;
    return () => {
      for (const transfer of all.values()) transfer.abort();
    };
  }, [client]);

  const run = useCallback((name: string, way: "up" | "down", act: Transfer): (() => Promise<void>) => {
    last.current += 1;
    const id = last.current;
    const cancel = new AbortController();
    running.current.set(id, cancel);
    const change = (state: ShownTransfer["state"]) =>
      show((all) => all.map((transfer) => (transfer.id === id ? { ...transfer, state } : transfer)));
    show((all) => [...fewer(all), { id, name, way, state: { kind: "running" } }]);
    let shown: number | undefined;
    const progress = (part: number | undefined) => {
      const percent = part === undefined ? undefined : Math.floor(part * 100);
      if (percent !== shown) change({ kind: "running", part });
      shown = percent;
    };
    return async () => {
      try {
        cancel.signal.throwIfAborted();
        change({ kind: "done", text: await act(progress, cancel.signal) });
      } catch (error) {
        if (cancel.signal.aborted) show((all) => all.filter((transfer) => transfer.id !== id));
        else change({ kind: "failed", text: error instanceof Error ? error.message : "it broke off" });
      } finally {
        running.current.delete(id);
      }
    };
  }, []);

  const upload = useCallback(
    (files: readonly File[]) => {
      for (const file of files.slice(0, MAX_FILES)) {
        const act: Transfer = async (progress, signal) => {
          const ways = await import("./ways.ts");
          const { name, directory } = await ways.upload(client, file, progress, signal);
          return `${nameOf(name)} is in ${directory}`;
        };
        uploads.current = uploads.current.then(run(file.name, "up", act));
      }
      const more = files.length - MAX_FILES;
      // The last of the list: later ones take the places of those that are over.
      if (more > 0) void run(more === 1 ? "1 more file" : `${more} more files`, "up", refuseMore)();
    },
    [client, run],
  );
  const uploadFolder = useCallback(
    (entry: FileSystemDirectoryEntry) => {
      const act: Transfer = async (progress, signal) => {
        const { bringFolder } = await import("./folder.ts");
        return bringFolder(client, entry, progress, signal);
      };
      uploads.current = uploads.current.then(run(entry.name, "up", act));
    },
    [client, run],
  );
  const download = useCallback(
    (path: string) => {
      const act: Transfer = async (progress, signal) => {
        const ways = await import("./ways.ts");
        const { content, isArchive } = await ways.download(client, path, progress, signal);
        const name = isArchive ? `${nameOf(path)}.tar` : nameOf(path);
        saveBlob(content, name);
        return `${name} is saved`;
      };
      void run(nameOf(path), "down", act)();
    },
    [client, run],
  );
  const save = (file: OfferedFile) => {
    if (file.kind === "path") return download(file.path);
    saveBlob(new Blob([bytesOf(file.base64)], { type: "application/octet-stream" }), file.name);
  };
  const remove = (id: number) => {
    running.current.get(id)?.abort(new DOMException("cancelled", "AbortError"));
    show((all) => all.filter((transfer) => transfer.id !== id));
  };
  const offers = offered.filter(({ id }) => !dismissed.includes(id));
  if (!enabled) return undefined;
  return {
    transfers,
    offers,
    upload,
    uploadFolder,
    download,
    save,
    remove,
    dismiss: (id) => dismiss((all) => [...all.slice(1 - MAX_FILES), id]),
  };
}

async function refuseMore(): Promise<string> {
  throw new TransferError(`bring at most ${MAX_FILES} files at a time, or drop their folder`);
}

/** Room for one more. */
function fewer(all: readonly ShownTransfer[]): readonly ShownTransfer[] {
  if (all.length < MAX_SHOWN) return all;
  const over = all.findIndex(({ state }) => state.kind !== "running");
  return over < 0 ? all : all.filter((_, at) => at !== over);
}
