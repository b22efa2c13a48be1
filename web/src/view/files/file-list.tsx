/**
 * Over the terminal's lower edge: files that programs offer, and transfers with their progress. A click saves an offer; nothing else
 * does.
 */

"use client";

import { isMeant, useSince } from "../offers.tsx";
import type { Files, ShownTransfer } from "./use-files.ts";

/** Always there, so that a screen reader hears what comes. `focus` goes back to the terminal after a click. */
export function FileList({ files, focus }: { files: Files; focus: () => void }) {
  const { offers, transfers } = files;
  const remove = (id: number) => {
    files.remove(id);
    focus();
  };
  const since = useSince(offers.map(({ id }) => id).join(" "));
  return (
    <div className="tg-files" aria-live="polite">
      {offers.map((offer) => (
        <article key={offer.id} className="tg-offered">
          <header>
            <b>A program offers a file</b>
            {close("Dismiss the file", () => {
              files.dismiss(offer.id);
              focus();
            })}
          </header>
          <div className="tg-line">
            <code dir="ltr">{offer.name}</code>
            <button
              type="button"
              className="tg-primary"
              aria-label={`Save ${offer.name}`}
              onClick={({ nativeEvent }) => {
                if (!isMeant(nativeEvent, since(), performance.now())) return;
                files.save(offer);
                focus();
              }}
            >
              Save
            </button>
          </div>
        </article>
      ))}
      {transfers.map((transfer) => (
        <article key={transfer.id} className="tg-offered" data-state={transfer.state.kind}>
          <header>
            <b>
              {transfer.way === "up" ? "To the shell: " : "From the shell: "}
              <bdi>{transfer.name}</bdi>
            </b>
            {transfer.state.kind === "running" || close("Dismiss", () => remove(transfer.id))}
          </header>
          <TransferState transfer={transfer} cancel={() => remove(transfer.id)} />
        </article>
      ))}
    </div>
  );
}

function TransferState({ transfer: { name, state }, cancel }: { transfer: ShownTransfer; cancel: () => void }) {
  if (state.kind !== "running") {
    return <p>{state.kind === "failed" ? `Not done: ${state.text}` : state.text}</p>;
  }
  return (
    <div className="tg-line">
      <progress aria-label={`Progress of ${name}`} value={state.part} />
      {state.part !== undefined && <span className="tg-percent">{Math.floor(state.part * 100)} %</span>}
      <button type="button" onClick={cancel}>
        Cancel
      </button>
    </div>
  );
}

function close(label: string, act: () => void) {
  return (
    <button type="button" aria-label={label} onClick={act}>
      ✕
    </button>
  );
}
