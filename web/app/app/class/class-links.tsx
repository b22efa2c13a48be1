/**
 * Creates a class: a link for each student, and one for the instructor.
 */

"use client";

import { type FormEvent, useState } from "react";
import { copyText } from "../../../src/index.ts";
import { type ClassLink, createClass } from "../access.ts";

/** Students of a class that this page creates, at most. */
const MAX_STUDENTS = 100;

export function ClassLinks() {
  const [links, setLinks] = useState<readonly ClassLink[]>([]);
  const [status, setStatus] = useState("");

  const create = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setStatus("Creating…");
    try {
      setLinks(
        await createClass(String(fields.get("class")), Number(fields.get("students")), String(fields.get("profile"))),
      );
      setStatus("");
    } catch (error) {
      setStatus(error instanceof Error ? error.message : String(error));
    }
  };
  const copy = async () => {
    const text = links.map(({ name, address }) => `${name}\t${address}`).join("\n");
    setStatus((await copyText(text)) ? "Copied" : "The browser refused: copy them by hand");
  };
  return (
    <main className="class">
      <h1>Create a class</h1>
      <form onSubmit={create} className="row">
        <label>
          Name <input name="class" required pattern="[A-Za-z0-9_.:\-]{1,128}" defaultValue="class-1" />
        </label>
        <label>
          Students <input name="students" type="number" required min={1} max={MAX_STUDENTS} defaultValue={10} />
        </label>
        <label>
          Profile <input name="profile" pattern="[A-Za-z0-9_\-]{1,64}" placeholder="none" />
        </label>
        <button type="submit" className="primary">
          Create
        </button>
      </form>
      <output>{status}</output>
      {links.length > 0 && (
        <>
          <p>Each link is for one person, and works for twelve hours. A student’s link gives that terminal.</p>
          <ul>
            {links.map(({ name, address }) => (
              <li key={address}>
                <a href={address}>{name}</a>
              </li>
            ))}
          </ul>
          <button type="button" onClick={copy}>
            Copy all links
          </button>
        </>
      )}
    </main>
  );
}
