/**
 * A simulated user with a page: types distinct keys and checks what became of them.
 */

import { TerminalClient, type TerminalError, type TerminalNotice } from "../../src/core/index.ts";
import type { FakeClock } from "./clock.ts";
import type { HostileService } from "./hostile-service.ts";
import { FakePage } from "./page.ts";
import { RecordingSink } from "./recording-sink.ts";

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
/** Both are far above every timeout of the protocol. */
const SETTLE_MS = 60_000;
const SETTLE_TIMEOUT_MS = 120_000;

export class SimulatedUser {
  readonly page = new FakePage();
  readonly client: TerminalClient;
  readonly errors: TerminalError[] = [];
  readonly notices: TerminalNotice[] = [];
  /** The received events. */
  readonly events: Array<{ epoch: number; pos: number }> = [];
  sink = new RecordingSink();
  /** The typed input: distinct keys and `^C`, with the epoch, which is 0 while none is known. */
  readonly typed: Array<{ what: string; known: number; epoch: number }> = [];
  #keys = 0;

  constructor(
    private readonly clock: FakeClock,
    private readonly service: HostileService,
    private readonly random: () => number,
  ) {
    const { page } = this;
    this.client = new TerminalClient({
      ...{ url: "wss://x/y", sessionId: "s1", token: "t0", clock, page, random, clientId: () => "c1", log: quiet },
      ...{ socket: service.connect, inflate: service.inflate, size: { cols: 80, rows: 24 } },
      // Connections break all the time; exhausted retries are another test.
      maxAttempts: 1000,
    });
    this.client.onError((error) => this.errors.push(error));
    this.client.onNotice((notice) => this.notices.push(notice));
    this.client.onMessage((message) => {
      if (message.type !== "event" || message.kind !== "title") return;
      this.events.push({ epoch: message.epoch, pos: Number(message.title) });
    });
    this.attachEmulator();
    this.client.connect();
  }

  /** Attaches another emulator. */
  attachEmulator(): void {
    this.sink = new RecordingSink();
    this.client.attach(this.sink);
  }

  type(count = 1): void {
    for (let key = 0; key < count; key += 1) {
      this.#keys += 1;
      this.#typed(`${this.#keys},`);
    }
  }

  interrupt(): void {
    this.#typed("^C", "\x03");
  }

  /** Sets a new token. */
  renewToken(): void {
    this.client.setToken(`t${this.clock.now()}`);
  }

  /** The text on the screen. */
  get screen(): string {
    const since = this.sink.journal.slice(this.sink.journal.lastIndexOf("reset full") + 1);
    const written = since.flatMap((entry) => (entry.startsWith("> ") ? [entry.slice(2)] : []));
    return written.join("").replaceAll("\x18", "").split("\x1bc").at(-1) ?? "";
  }

  /** Waits until input and output are settled; false after a timeout. */
  settles(): boolean {
    const { service } = this;
    this.sink.eager = true;
    this.sink.parse();
    this.page.show();
    // The client must know of a restart before the last key is typed.
    this.clock.advance(SETTLE_MS);
    this.type();
    const last = this.typed.at(-1)?.what ?? "";
    const isSettled = () =>
      service.applied.at(-1)?.what.endsWith(last) === true &&
      service.acked === service.length &&
      this.client.state.status === "connected" &&
      this.client.state.error === null;
    for (let waited = 0; waited < SETTLE_TIMEOUT_MS; waited += 500) {
      this.clock.advance(500);
      if (isSettled()) return true;
    }
    return false;
  }

  #typed(what: string, sent = what): void {
    const { known, epoch } = this.service;
    this.typed.push({ what, known, epoch: known === 0 ? 0 : epoch });
    this.client.input(sent, this.random() < 0.5);
  }
}

/**
 * Finds faults in what reached the shell: repeated, reordered or missing input, or input for another epoch. A later
 * Ctrl-C and a reported restart may drop input.
 */
export function faults(user: SimulatedUser, service: HostileService, signals: boolean): string[] {
  const found: string[] = [];
  const reached = service.applied.flatMap(({ what, epoch }) =>
    what === "^C" ? [{ what, epoch }] : (what.match(/\d+,/g) ?? []).map((key) => ({ what: key, epoch })),
  );
  // As a plain key, Ctrl-C may drop only long input, and reports it.
  const mayDrop = signals || user.notices.some((notice) => notice.kind === "dropped");
  const order = new Map(user.typed.map(({ what }, at) => [what, at]));
  const keys = reached.filter(({ what }) => what !== "^C");
  let before = -1;
  for (const { what, epoch } of keys) {
    const at = order.get(what) ?? Number.NaN;
    if (!(at > before)) found.push(`${what} is repeated or out of order`);
    before = at;
    // Input before the first attach is for any epoch.
    if (user.typed[at]?.known !== 0 && user.typed[at]?.epoch !== epoch)
      found.push(`${what} was typed for another shell`);
  }
  const got = new Set(keys.map(({ what }) => what));
  const lastInterrupt = user.typed.findLastIndex(({ what }) => what === "^C");
  const discarded = user.errors.some((error) => error.code === "INPUT_DISCARDED");
  user.typed.forEach(({ what, known }, at) => {
    const dropped = mayDrop && at < lastInterrupt;
    const wasDiscarded = discarded && known < service.epoch;
    if (what !== "^C" && !got.has(what) && !dropped && !wasDiscarded) found.push(`${what} never came`);
  });
  const pressed = (known: number) => user.typed.filter((one) => one.what === "^C" && one.known === known).length;
  const acted = reached.filter(({ what, epoch }) => what === "^C" && epoch === service.epoch).length;
  const most = pressed(service.epoch) + pressed(0);
  if (acted > most) found.push(`Ctrl-C came ${acted} times and was pressed ${most} times`);
  if (acted < pressed(service.epoch)) found.push(`Ctrl-C came only ${acted} times of ${pressed(service.epoch)}`);
  if (!user.screen.endsWith(service.screen)) found.push(`the screen shows ${user.screen}, not ${service.screen}`);
  const events = user.events.filter(({ epoch }) => epoch === service.epoch).map(({ pos }) => pos);
  if (events.join() !== service.events.join()) found.push(`events at ${events}, not at ${service.events}`);
  return found;
}
