/**
 * Shows a read-only link to this session.
 */

"use client";

import { useEffect, useState } from "react";
import { copyText } from "../../src/index.ts";
import { useModal } from "./use-modal.ts";

export function ShareDialog({ makeLink, onClose }: { makeLink: () => Promise<string>; onClose: () => void }) {
  const dialog = useModal();
  const [link, setLink] = useState("");
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

  const copy = async () => setStatus((await copyText(link)) ? "Copied" : "The browser refused: copy it by hand");
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="share-title" onClose={onClose}>
      <h2 id="share-title">Share read-only</h2>
      <p>Everyone with this link can watch this terminal and chat, but not type.</p>
      <div className="row">
        <input
          type="text"
          readOnly
          aria-label="Link"
          placeholder="Creating a link…"
          value={link}
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
