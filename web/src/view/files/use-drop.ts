/**
 * Files that are dropped on the terminal, or chosen in the browser's dialog.
 */

"use client";

import { type DragEvent, useState } from "react";
import type { Files } from "./use-files.ts";

export interface DropTarget {
  /** True while files are held over the terminal. */
  over: boolean;
  handlers: Record<"onDragOver" | "onDragLeave" | "onDrop", (event: DragEvent<HTMLElement>) => void>;
}

/** `take` gets the dropped files; without it, a drop does nothing, so that no file replaces the page. */
export function useDrop(take: Pick<Files, "upload" | "uploadFolder"> | undefined): DropTarget {
  const [over, setOver] = useState(false);
  const withFiles = (act: (event: DragEvent<HTMLElement>) => void) => (event: DragEvent<HTMLElement>) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    act(event);
  };
  return {
    over,
    handlers: {
      onDragOver: withFiles(({ dataTransfer }) => {
        dataTransfer.dropEffect = take ? "copy" : "none";
        setOver(take !== undefined);
      }),
      onDragLeave: ({ currentTarget, relatedTarget }) => {
        if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) setOver(false);
      },
      onDrop: withFiles(({ dataTransfer }) => {
        setOver(false);
        // Before the end of the event, which takes them away.
        const entries = Array.from(dataTransfer.items, (item) => item.webkitGetAsEntry?.());
        const files = Array.from(dataTransfer.files).filter((_, at) => entries[at]?.isDirectory !== true);
        if (files.length > 0) take?.upload(files);
        for (const entry of entries) {
          if (entry?.isDirectory) take?.uploadFolder(entry as FileSystemDirectoryEntry);
        }
      }),
    },
  };
}

/** Opens the browser's dialog, which takes a click or a key of the person at the page. */
export function chooseFiles(take: (files: File[]) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.onchange = () => take(Array.from(input.files ?? []));
  input.click();
}
