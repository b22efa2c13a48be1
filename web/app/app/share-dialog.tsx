/**
 * Shows a read-only link to this session.
 */

"use client";

import { useEffect, useState } from "react";
import { copyText } from "../../src/index.ts";
import type { GuestLink } from "./access.ts";
import { useModal } from "./use-modal.ts";

interface ShareDialogProps {
  makeLink: () => Promise<GuestLink>;
  onClose: () => void;
}

export function ShareDialog({ makeLink, onClose }: ShareDialogProps) {
  const dialog = useModal();
  const [link, setLink] = useState<GuestLink | null>(null);
  const [status, setStatus] = useState("");

  useEffect(() => {
    let gone = false;
    makeLink().then(
      (created) => gone || setLink(created),
      (error: unknown) => gone || setStatus(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
    };
  }, [makeLink]);

  const copy = async () =>
    setStatus((await copyText(link?.address ?? "")) ? "Copied" : "The browser refused: copy it by hand");
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="share-title" onClose={onClose}>
      <h2 id="share-title">Share read-only</h2>
      <p>
        Everyone with this link can watch this terminal and chat{link && ` as “${link.name}”`}, but not type.
        {link && ` It works until ${timeOf(link.expiresAt)}, or until the session ends.`}
      </p>
      <div className="row">
        <input
          type="text"
          readOnly
          aria-label="Link"
          placeholder="Creating a link…"
          value={link?.address ?? ""}
          onFocus={(event) => event.target.select()}
        />
        <button type="button" className="primary" disabled={!link} onClick={copy}>
          Copy
        </button>
      </div>
      <div className="row end">
        <output>{status}</output>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

function timeOf(at: number): string {
  return new Date(at).toLocaleString([], { weekday: "long", hour: "2-digit", minute: "2-digit" });
}
