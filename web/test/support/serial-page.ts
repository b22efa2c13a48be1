/**
 * A page whose API Gateway hands over the messages of one connection one after the other, and its carriers.
 */

import type { ClientOptions } from "../../src/core/index.ts";
import type { Dispatch } from "../../src/protocol/generated.ts";
import { EPOCH, Harness } from "./harness.ts";
import type { FakeSocket } from "./socket.ts";

export const CARRY_MS = 10_000;
/** An answer to an attach that does not name the kind of dispatch. */
const UNKNOWN = { dispatch: undefined } as object;

const isCarrier = ({ url }: FakeSocket) => new URL(url).searchParams.get("carrier") === "1";

export class SerialPage {
  readonly harness: Harness;
  readonly statuses: string[] = [];

  constructor(options: Partial<ClientOptions> = {}, dispatch: Dispatch | "unknown" = "serial") {
    this.harness = new Harness(options).attach(dispatch === "unknown" ? UNKNOWN : { dispatch });
    this.harness.client.subscribe(() => this.statuses.push(this.harness.client.state.status));
    this.harness.clock.advance(0);
  }

  get carriers(): FakeSocket[] {
    return this.harness.sockets.filter(isCarrier);
  }

  /** The youngest. */
  get carrier(): FakeSocket {
    const carrier = this.carriers.at(-1);
    if (!carrier) throw new Error("no carrier was opened");
    return carrier;
  }

  get first(): FakeSocket {
    return this.harness.sockets.filter((socket) => !isCarrier(socket)).at(-1) as FakeSocket;
  }

  get carries(): number {
    return this.carrier.of("carry").length;
  }

  readonly #answers = new Map<FakeSocket, number>();

  /** Opens the youngest carrier and answers its first carry. */
  carried(): this {
    this.carrier.onopen?.();
    this.answer();
    return this;
  }

  answer(socket = this.carrier): void {
    this.#answers.set(socket, (this.#answers.get(socket) ?? 0) + 1);
    socket.receive({ type: "carried", epoch: EPOCH, carryMs: CARRY_MS });
  }

  /** Number of answers on the youngest carrier. */
  get answers(): number {
    return this.#answers.get(this.carrier) ?? 0;
  }

  refuse(code: string, retryable = false): void {
    this.carrier.receive({ type: "error", code, message: "no", retryable });
  }

  learn(dispatch: "serial" | "concurrent"): void {
    this.first.receive({ type: "pong", timestamp: 1, dispatch });
  }

  /** Lets time pass while everything is answered. */
  live(ms: number, until = () => false): void {
    for (let passed = 0; passed < ms && !until(); passed += 5000) {
      this.harness.clock.advance(5000);
      for (const socket of this.harness.sockets.filter(({ closed }) => !closed)) {
        if (!isCarrier(socket)) socket.receive({ type: "pong", timestamp: 1 });
        else if (socket.of("carry").length > (this.#answers.get(socket) ?? 0)) this.answer(socket);
      }
    }
  }
}

/** The answer to a repeated attach. */
export const attachedAgain = () => ({
  ...{ type: "attached", sessionId: "s1", client: "c1", pos: 0, inputSeq: 0, cols: 80, rows: 24, role: "controller" },
  ...{ tty: { echo: true, canonical: true }, followMs: 20_000, dispatch: "serial", epoch: EPOCH, head: 0 },
  limits: { frameBytes: 32768, inputWindowBytes: 65536, ackStepBytes: 65536 },
});
