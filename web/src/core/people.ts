/**
 * The people of the session: kept from the list that an attach brings, and the events since.
 */

import type { Attached, Event as EventFrame, Notice, Part, Person, ServerFrame } from "../protocol/generated.ts";
import type { ClientEvents } from "./client-events.ts";
import { Control } from "./control.ts";
import type { InputQueue } from "./input-queue.ts";
import { handSeen, watched } from "./notice.ts";

/** An earlier message is not shown to a page that comes later, in ms. */
const ANNOUNCED_FOR_MS = 600_000;

/** All that stands between the people of a session, and where its shell is. */
type Room = Pick<Attached, "people" | "hand" | "control" | "recording" | "directory">;

export class People {
  /** Where in the stream the last list was made. An earlier event is part of it. */
  #epoch = 0;
  #at = 0;
  /** Instructors of whom the user was told. */
  readonly #told = new Set<string>();

  /** Ids of the messages to the class that this page was shown. */
  readonly #announced = new Set<string>();
  readonly #control: Control;

  constructor(
    private readonly events: ClientEvents,
    input: InputQueue,
    private readonly wall: () => number,
  ) {
    this.#control = new Control(events, input);
  }

  /** An attach was answered. */
  attached(frame: Attached & ServerFrame): void {
    this.events.update({ who: frame.who ?? null, canAsk: frame.canAsk ?? false });
    this.whole(frame.epoch, frame.head ?? frame.pos, frame);
  }

  /** The list as it was at this position. */
  whole(epoch: number, pos: number, room: Room): void {
    const { people = [], hand = null, control = { state: "free" }, recording = null, directory = null } = room;
    if (epoch < this.#epoch || (epoch === this.#epoch && pos < this.#at)) return;
    this.#epoch = epoch;
    this.#at = pos;
    this.events.update({ people, hand, recording, directory });
    this.#control.set(control);
    for (const person of people) this.#tell(person);
  }

  event(event: EventFrame): void {
    if (event.kind === "notice") return this.#announce(event, event.epoch === this.#epoch && event.pos >= this.#at);
    if (event.epoch !== this.#epoch || event.pos < this.#at) return;
    const { people } = this.events.value;
    if (event.kind === "joined") {
      const { who, name, as, since, link, via } = event;
      const person = { who, name, as, since, ...(link && { link }), ...(via && { via }) };
      this.events.update({ people: [...people.filter((one) => one.who !== who), person] });
      this.#tell(person);
    } else if (event.kind === "left") {
      const { who } = event;
      this.events.update({ people: people.filter((one) => one.who !== who) });
    } else if (event.kind === "hand") {
      const { up, at, seen } = event;
      if (seen && this.#mine === "owner") this.events.notice.emit(handSeen(seen));
      this.events.update({ hand: up ? { up, at, ...(seen && { seen }) } : null });
    } else if (event.kind === "recording") {
      const { state, input, days } = event;
      this.events.update({ recording: { state, days, ...(input && { input }) } });
    } else if (event.kind === "directory") {
      this.events.update({ directory: event.directory ?? null });
    } else if (event.kind === "control") {
      const { state, who, loan, until } = event;
      this.#control.set({ state, ...(who && { who }), ...(loan && { loan }), ...(until && { until }) });
    }
  }

  /** Shows each message once: one that was said just now, or a little before this page came. */
  #announce({ id, from, text, line, at }: Notice, isNew: boolean): void {
    if (this.#announced.has(id) || (!isNew && this.wall() - at >= ANNOUNCED_FOR_MS)) return;
    this.#announced.add(id);
    const notice = { id, from, text, ...(line && { line }), at };
    this.events.update({ announcements: [...this.events.value.announcements, notice] });
  }

  /** The part of this page. */
  get #mine(): Part | undefined {
    const { people, who } = this.events.value;
    return people.find((one) => one.who === who)?.as;
  }

  /** Says once that an instructor watches. */
  #tell(person: Person): void {
    if (person.as !== "instructor" || this.#mine === "instructor" || this.#told.has(person.name)) return;
    this.#told.add(person.name);
    this.events.notice.emit(watched(person.name));
  }
}
