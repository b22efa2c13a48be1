/**
 * A folder that is dropped on the terminal: each file goes into its directory below that of the shell, one after the other. Loaded
 * with the first folder.
 */

import type { TerminalClient } from "../../core/index.ts";
import { nameOf } from "../../xterm/offered-files.ts";
import { type Place, type Progress, TransferError } from "./transfer.ts";
import { upload } from "./ways.ts";

/** Files and folders of a folder: fewer than a user may begin to bring in a minute. */
export const MAX_ENTRIES = 100;

interface FoundFile {
  file: File;
  /** Its directory, from the folder's own name on. */
  folder: string;
}

/** Brings all files of a folder; returns a sentence about them. */
export async function bringFolder(
  client: TerminalClient,
  entry: FileSystemDirectoryEntry,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const found = await filesOf(entry).catch((error) => {
    if (error instanceof TransferError) throw error;
    throw new TransferError("the browser cannot read it", { cause: error });
  });
  if (found.length === 0) throw new TransferError("there is no file in it");
  const bytes = found.reduce((sum, { file }) => sum + file.size, 0);
  let before = 0;
  /** The directory of the shell when the first file was brought: it may change meanwhile. */
  let directory: string | undefined;
  for (const [done, { file, folder }] of found.entries()) {
    signal.throwIfAborted();
    const place: Place = { folder, ...(directory !== undefined && { directory }) };
    const each = (part: number | undefined) =>
      progress(bytes > 0 ? (before + (part ?? 0) * file.size) / bytes : undefined);
    const stored = await upload(client, file, each, signal, place).catch((error) => {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : "it broke off";
      throw new TransferError(`${nameOf(file.name)}: ${why}; ${done} of ${found.length} files are there`);
    });
    directory ??= parentOf(stored.directory, folder);
    before += file.size;
  }
  const count = found.length === 1 ? "1 file is" : `${found.length} files are`;
  return `${count} in ${directory === "/" ? "" : directory}/${nameOf(entry.name)}`;
}

/** The directory that a folder below it was made in. */
function parentOf(directory: string, folder: string): string {
  if (!directory.endsWith(`/${folder}`)) throw new TransferError("it is in another directory");
  return directory.slice(0, -folder.length - 1) || "/";
}

/** The files of a folder and of those in it. */
async function filesOf(root: FileSystemDirectoryEntry): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const folders: { entry: FileSystemDirectoryEntry; path: string }[] = [{ entry: root, path: root.name }];
  let entries = 0;
  for (let next = folders.shift(); next; next = folders.shift()) {
    const { entry, path } = next;
    for await (const child of entriesOf(entry)) {
      if (child.isDirectory) {
        folders.push({ entry: child as FileSystemDirectoryEntry, path: `${path}/${child.name}` });
      } else if (child.isFile) {
        const file = await new Promise<File>((resolve, reject) => (child as FileSystemFileEntry).file(resolve, reject));
        found.push({ file, folder: path });
      }
      entries += 1;
      if (entries > MAX_ENTRIES) {
        throw new TransferError(`it has more than ${MAX_ENTRIES} files and folders: pack it into one file first`);
      }
    }
  }
  return found;
}

/** The entries of a folder, which a browser gives in pieces, the last of which is empty. */
async function* entriesOf(folder: FileSystemDirectoryEntry): AsyncGenerator<FileSystemEntry> {
  const reader = folder.createReader();
  for (;;) {
    const piece = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (piece.length === 0) return;
    yield* piece;
  }
}
