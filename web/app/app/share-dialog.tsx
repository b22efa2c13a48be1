/**
 * Shows a link to this session: to watch, and to ask to type if the owner wants that.
 */

"use client";

import { useEffect, useState } from "react";
import { copyText } from "../../src/index.ts";
import type { GuestLink, Removals } from "./access.ts";
import { RemovedList } from "./removed-list.tsx";
import { timeOf } from "./time-of.ts";
import { useModal } from "./use-modal.ts";

interface ShareDialogProps {
  makeLink: (mayAsk: boolean) => Promise<GuestLink>;
  removals?: Removals | undefined;
  onClose: () => void;
}

export function ShareDialog({ makeLink, removals, onClose }: ShareDialogProps) {
  const dialog = useModal();
  const [mayAsk, setMayAsk] = useState(false);
  const [link, setLink] = useState<GuestLink | null>(null);
  const [status, setStatus] = useState("");

  useEffect(() => {
    let gone = false;
    setLink(null);
    setStatus("");
    makeLink(mayAsk).then(
      (created) => gone || setLink(created),
      (error: unknown) => gone || setStatus(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
    };
  }, [makeLink, mayAsk]);

  const copy = async () =>
    setStatus((await copyText(link?.address ?? "")) ? "Copied" : "The browser refused: copy it by hand");
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="share-title" onClose={onClose}>
      <h2 id="share-title">{mayAsk ? "Share" : "Share read-only"}</h2>
      <p>
        Everyone with this link can watch this terminal and chat{link && ` as “${link.name}”`}
        {mayAsk ? ", and type while you allow it." : ", but not type."}
        {link && ` It works until ${timeOf(link.expiresAt)}, or until the session ends.`}
      </p>
      <label className="row">
        <input type="checkbox" checked={mayAsk} onChange={(event) => setMayAsk(event.target.checked)} />
        They may ask to type
      </label>
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
      {removals && <RemovedList removals={removals} />}
      <div className="row end">
        <output>{status}</output>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
