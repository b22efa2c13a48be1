/**
 * A link under which somebody else watches this session.
 */

"use client";

import { useEffect, useRef, useState } from "react";
import { copyText } from "../../src/index.ts";

export function ShareDialog({ makeLink, onClose }: { makeLink: () => Promise<string>; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [link, setLink] = useState("");
  const [said, setSaid] = useState("");

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    let gone = false;
    makeLink().then(
      (made) => gone || setLink(made),
      (error: unknown) => gone || setSaid(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
      element?.close();
    };
  }, [makeLink]);

  const copy = async () => setSaid((await copyText(link)) ? "Copied" : "The browser refused: copy it by hand");
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="share-title" onClose={onClose}>
      <h2 id="share-title">Share read-only</h2>
      <p>Whoever opens this link sees this terminal as you see it, and can chat, but not type in it.</p>
      <div className="row">
        <input
          type="text"
          readOnly
          aria-label="Link"
          placeholder="Making a link…"
          value={link}
          onFocus={(event) => event.target.select()}
        />
        <button type="button" className="primary" disabled={!link} onClick={copy}>
          Copy
        </button>
      </div>
      <div className="row end">
        <output>{said}</output>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
