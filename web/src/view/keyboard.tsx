/**
 * The right to type, in the status line: a question and its answer, the loan, and how either side ends it.
 */

"use client";

import type { TerminalClient, TerminalState } from "../core/index.ts";
import { typingSentence, typingWords } from "./words.ts";

interface KeyboardProps {
  client: TerminalClient;
  state: TerminalState;
  focus: () => void;
}

export function Keyboard({ client, state, focus }: KeyboardProps) {
  const { control, people, who, canAsk, status } = state;
  if (status !== "connected") return null;
  const owns = people.some((person) => person.who === who && person.as === "owner");
  const [name, act] = typingWords(state);
  const button = (label: string, act: () => void, main = false) => (
    <button
      type="button"
      className={main ? "tg-primary" : undefined}
      onClick={() => {
        act();
        focus();
      }}
    >
      {label}
    </button>
  );
  const { who: other } = control;
  return (
    <>
      {act && (
        <span className="tg-typing" title={typingSentence(state)}>
          {name && <bdi>{name}</bdi>}
          {name && " "}
          <span>{act}</span>
        </span>
      )}
      {canAsk && control.state === "free" && button("Ask to type", () => client.ask())}
      {control.state === "asked" && other === who && button("Ask no longer", () => client.giveBack())}
      {control.state === "lent" && other === who && button("Stop typing", () => client.giveBack(), true)}
      {owns && control.state === "asked" && other !== undefined && (
        <>
          {button("Allow for now", () => client.allow(other, "now"), true)}
          {button("Until taken back", () => client.allow(other, "kept"))}
          {button("No", () => client.takeBack())}
        </>
      )}
      {owns && control.state === "lent" && button("Take back", () => client.takeBack(), true)}
      {owns && control.state === "only" && button("Let others type", () => client.onlyMe(false))}
    </>
  );
}
