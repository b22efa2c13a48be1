/**
 * A whole terminal that fills its parent: the screen, what is found and asked in it, and the line that says how it is. The one
 * place where React and xterm.js meet, so that neither needs the other.
 */

"use client";

import {
  forwardRef,
  useCallback,
  useEffect,
  useId,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { INITIAL_STATE, type TerminalState } from "../core/index.ts";
import { boundFont, copyText, LEAST_CONTRAST, type TerminalEars, THEMES, textOf } from "../xterm/index.ts";
import { Banner } from "./banner.tsx";
import { FindBar } from "./find-bar.tsx";
import type { TermgateHandle, TermgateTerminalProps } from "./handle.ts";
import { useMedia, useThemeName } from "./media.ts";
import { PasteDialog } from "./paste-dialog.tsx";
import { saveText } from "./save.ts";
import { StatusLine } from "./status-line.tsx";
import { STYLE } from "./style.ts";
import { TouchRow } from "./touch-row.tsx";
import { useBell } from "./use-bell.ts";
import { useNotices } from "./use-notices.ts";
import { useTerminal } from "./use-terminal.ts";
import { isStalled } from "./words.ts";

/** In pixels; what Ctrl-0 goes back to. */
const NORMAL_FONT = 14;
/** Before anything happened: whoever mounts it is about to connect. */
const ABOUT_TO: TerminalState = { ...INITIAL_STATE, status: "connecting" };

/** Needs the style sheet `@xterm/xterm/css/xterm.css` on the page; its own it brings along. */
export const TermgateTerminal = forwardRef<TermgateHandle, TermgateTerminalProps>(
  function TermgateTerminal(props, ref) {
    const { client, theme = "system", fontSize = NORMAL_FONT, touchKeys, label = "Terminal", onReady } = props;
    const state = useSyncExternalStore(
      useCallback((changed) => client.subscribe(changed), [client]),
      () => (client.state === INITIAL_STATE ? ABOUT_TO : client.state),
      () => ABOUT_TO,
    );
    const themeName = useThemeName(theme);
    const still = useMedia("(prefers-reduced-motion: reduce)");
    const coarse = useMedia("(pointer: coarse)");
    const notices = useNotices(client);
    const root = useRef<HTMLElement>(null);
    const host = useRef<HTMLDivElement>(null);
    const ringBell = useBell(root);
    const help = useId();

    const [font, setFont] = useState(fontSize);
    // Keys may come faster than React renders.
    const latestFont = useRef(font);
    const showFont = useCallback((pixels: number) => {
      latestFont.current = boundFont(pixels);
      setFont(latestFont.current);
    }, []);
    useEffect(() => showFont(fontSize), [showFont, fontSize]);
    // Asked for again, it begins again.
    const [finding, setFinding] = useState<{ text: string; times: number } | null>(null);
    const find = useCallback((text: string) => setFinding((was) => ({ text, times: (was?.times ?? 0) + 1 })), []);
    const [question, setQuestion] = useState<{ text: string; answer: (paste: boolean) => void } | null>(null);
    const asks = useRef(true);
    const [control, setControl] = useState(false);

    const changeFont = (pixels: number) => {
      showFont(pixels);
      props.onFontSize?.(latestFont.current);
    };
    /** To the first thing after the terminal that takes the focus. */
    const leave = () => {
      const next = root.current?.querySelector<HTMLElement>(".tg-status :is(button, a)");
      if (next) next.focus();
      else opened?.terminal.blur();
    };
    const ears: TerminalEars = {
      copyOnSelect: () => props.copyOnSelect === true,
      confirmPaste: (text) =>
        props.warnBeforePaste !== false && asks.current
          ? new Promise((answer) => setQuestion({ text, answer }))
          : Promise.resolve(true),
      onAction(action) {
        if (action === "find") handle?.search();
        else if (action === "leave") leave();
        else if (action === "normal") changeFont(NORMAL_FONT);
        else changeFont(latestFont.current + (action === "bigger" ? 1 : -1));
      },
      onBell() {
        ringBell();
        props.onBell?.();
      },
      onProgramCopied(characters) {
        notices.say(
          characters === null
            ? "A program wanted to copy something, and the browser refused"
            : `A program copied ${characters} ${characters === 1 ? "character" : "characters"}`,
        );
      },
      onControl: setControl,
    };
    const settings = {
      theme: props.palette ?? THEMES[themeName],
      minimumContrastRatio: LEAST_CONTRAST[themeName],
      cursorBlink: !still,
      screenReaderMode: props.screenReader === true,
      disableStdin: state.role === "viewer",
      ...(props.fontFamily !== undefined && { fontFamily: props.fontFamily }),
    };
    const opened = useTerminal(host, client, settings, font, props.options, ears);

    const handle = useMemo<TermgateHandle | null>(() => {
      if (!opened) return null;
      const { terminal } = opened;
      return {
        terminal,
        focus: () => terminal.focus(),
        search: (text) => find(text ?? terminal.getSelection().split("\n")[0] ?? ""),
        copyAll: () => copyText(textOf(terminal)),
        download: (fileName = "terminal.txt") => saveText(textOf(terminal), fileName),
        clear: () => terminal.clear(),
        setFontSize: showFont,
      };
    }, [opened, showFont, find]);
    // There is none until the terminal stands.
    useImperativeHandle(ref, () => handle as TermgateHandle, [handle]);
    const ready = useRef(onReady);
    useEffect(() => {
      ready.current = onReady;
    });
    useEffect(() => {
      if (!handle) return;
      ready.current?.(handle);
      return () => ready.current?.(null);
    }, [handle]);

    const focus = () => opened?.terminal.focus();
    const pasteClipboard = () => {
      navigator.clipboard.readText().then(
        (text) => opened?.paste(text),
        () => notices.say("The browser does not let this page read the clipboard"),
      );
    };
    const closeFind = () => {
      setFinding(null);
      focus();
    };
    const dismiss = () => {
      notices.dismiss();
      focus();
    };
    const answer = (paste: boolean, again: boolean) => {
      asks.current = again;
      question?.answer(paste);
      setQuestion(null);
    };

    return (
      <section
        ref={root}
        className={props.className ? `tg ${props.className}` : "tg"}
        aria-label={label}
        aria-describedby={help}
        data-theme={themeName}
        data-status={state.status}
        data-role={state.role}
        data-stalled={isStalled(state) || undefined}
      >
        <style href="termgate" precedence="termgate">
          {STYLE}
        </style>
        <div className="tg-stage" style={{ background: settings.theme.background }}>
          <p id={help} className="tg-hidden">
            Tab goes to the shell. Ctrl-Shift-L leaves the terminal.
          </p>
          <div ref={host} className="tg-screen" />
          {notices.lasting && <Banner text={notices.lasting} onClose={dismiss} />}
          {opened && finding && (
            <FindBar key={finding.times} opened={opened} initial={finding.text} onClose={closeFind} />
          )}
        </div>
        {question && <PasteDialog text={question.text} onAnswer={answer} />}
        {(touchKeys ?? coarse) && state.role === "controller" && (
          <TouchRow keys={opened?.touch} control={control} onPaste={mayRead() ? pasteClipboard : undefined} />
        )}
        {props.statusLine !== false && (
          <StatusLine client={client} state={state} notice={notices.passing} focus={focus} whenEnded={props.whenEnded}>
            {props.children}
          </StatusLine>
        )}
      </section>
    );
  },
);

/** Pages that came over plain HTTP have no clipboard. */
function mayRead(): boolean {
  return typeof navigator !== "undefined" && navigator.clipboard?.readText !== undefined;
}
