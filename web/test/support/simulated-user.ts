/**
 * A person at the terminal: types what can be told apart, looks at the screen, and knows what must have become of it all.
 */

import { TerminalClient, type TerminalError, type TerminalNotice } from "../../src/core/index.ts";
import type { FakeClock } from "./clock.ts";
import type { HostileService } from "./hostile-service.ts";
import { FakePage } from "./page.ts";
import { RecordingSink } from "./recording-sink.ts";

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
/** The longest wait of any part of the protocol is far below this. */
const NEWS_MS = 60_000;
const PATIENCE_MS = 120_000;

/** One page, with somebody in front of it. */
export class SimulatedUser {
  readonly page = new FakePage();
  readonly client: TerminalClient;
  readonly errors: TerminalError[] = [];
  readonly notices: TerminalNotice[] = [];
  /** Events that were told: the life of the shell, and the place in it. */
  readonly told: Array<{ epoch: number; place: number }> = [];
  sink = new RecordingSink();
  /** In the order in which they were typed: keys, each another, and `^C`; and for which life of the shell, 0 for the first. */
  readonly typed: Array<{ what: string; known: number; epoch: number }> = [];
  #keys = 0;

  constructor(
    private readonly clock: FakeClock,
    private readonly service: HostileService,
    random: () => number,
  ) {
    const { page } = this;
    this.client = new TerminalClient({
      ...{ url: "wss://x/y", sessionId: "s1", token: "t0", clock, page, random, clientId: () => "c1", log: quiet },
      ...{ socket: service.connect, inflate: service.inflate, size: { cols: 80, rows: 24 } },
      // It is cut all the time; giving up is another test.
      maxAttempts: 1000,
    });
    this.client.onError((error) => this.errors.push(error));
    this.client.onNotice((notice) => this.notices.push(notice));
    this.client.onMessage((message) => {
      if (message.type !== "event" || message.kind !== "title") return;
      this.told.push({ epoch: message.epoch, place: Number(message.title) });
    });
    this.look();
    this.client.connect();
  }

  /** Sits down at another emulator. */
  look(): void {
    this.sink = new RecordingSink();
    this.client.attach(this.sink);
  }

  /** Types so many keys. */
  type(count = 1): void {
    for (let key = 0; key < count; key += 1) {
      this.#keys += 1;
      this.#typed(`${this.#keys},`);
    }
  }

  interrupt(): void {
    this.#typed("^C", "\x03");
  }

  /** Takes the platform's next token. */
  renewToken(): void {
    this.client.setToken(`t${this.clock.now()}`);
  }

  /** What stands on the screen. */
  get screen(): string {
    const since = this.sink.journal.slice(this.sink.journal.lastIndexOf("reset full") + 1);
    const written = since.flatMap((entry) => (entry.startsWith("> ") ? [entry.slice(2)] : []));
    return written.join("").replaceAll("\x18", "").split("\x1bc").at(-1) ?? "";
  }

  /** Waits until all is well; false when it never is. */
  settles(): boolean {
    const { service } = this;
    this.sink.eager = true;
    this.sink.parse();
    this.page.show();
    // News of another shell may still be on its way, and what is typed until then is not for it.
    this.clock.advance(NEWS_MS);
    this.type();
    const last = this.typed.at(-1)?.what ?? "";
    const well = () =>
      service.applied.at(-1)?.what.endsWith(last) === true &&
      service.acked === service.length &&
      this.client.state.status === "connected" &&
      this.client.state.error === null;
    for (let waited = 0; waited < PATIENCE_MS; waited += 500) {
      this.clock.advance(500);
      if (well()) return true;
    }
    return false;
  }

  #typed(what: string, sent = what): void {
    const { known, epoch } = this.service;
    this.typed.push({ what, known, epoch: known === 0 ? 0 : epoch });
    this.client.input(sent);
  }
}

/**
 * What is wrong with what reached the shell: nothing twice, nothing out of order, nothing for another life of it, and nothing
 * missing but what a later Ctrl-C took back or a restart threw away.
 */
export function faults(user: SimulatedUser, service: HostileService, signals: boolean): string[] {
  const found: string[] = [];
  const reached = service.applied.flatMap(({ what, epoch }) =>
    what === "^C" ? [{ what, epoch }] : (what.match(/\d+,/g) ?? []).map((key) => ({ what: key, epoch })),
  );
  // Where Ctrl-C is a key, only what was too much to be typed by hand may be taken back, and then it was said.
  const mayDrop = signals || user.notices.some((notice) => notice.kind === "dropped");
  const places = new Map(user.typed.map(({ what }, at) => [what, at]));
  const keys = reached.filter(({ what }) => what !== "^C");
  let before = -1;
  for (const { what, epoch } of keys) {
    const at = places.get(what) ?? Number.NaN;
    if (!(at > before)) found.push(`${what} is repeated or out of order`);
    before = at;
    // What was typed before anything was known is for whatever comes first.
    if (user.typed[at]?.known !== 0 && user.typed[at]?.epoch !== epoch)
      found.push(`${what} was typed for another shell`);
  }
  const got = new Set(keys.map(({ what }) => what));
  const lastInterrupt = user.typed.findLastIndex(({ what }) => what === "^C");
  const discarded = user.errors.some((error) => error.code === "INPUT_DISCARDED");
  user.typed.forEach(({ what, known }, at) => {
    const takenBack = mayDrop && at < lastInterrupt;
    const thrownAway = discarded && known < service.epoch;
    if (what !== "^C" && !got.has(what) && !takenBack && !thrownAway) found.push(`${what} never came`);
  });
  const pressed = (known: number) => user.typed.filter((one) => one.what === "^C" && one.known === known).length;
  const acted = reached.filter(({ what, epoch }) => what === "^C" && epoch === service.epoch).length;
  const most = pressed(service.epoch) + pressed(0);
  if (acted > most) found.push(`Ctrl-C came ${acted} times and was pressed ${most} times`);
  if (acted < pressed(service.epoch)) found.push(`Ctrl-C came only ${acted} times of ${pressed(service.epoch)}`);
  if (!user.screen.endsWith(service.screen)) found.push(`the screen shows ${user.screen}, not ${service.screen}`);
  const told = user.told.filter(({ epoch }) => epoch === service.epoch).map(({ place }) => place);
  if (told.join() !== service.events.join()) found.push(`told of ${told}, not of ${service.events}`);
  return found;
}
