/**
 * The terminal component: screen, find bar, dialogs, touch keys and status line. The only place where React and
 * xterm.js meet.
 */

"use client";

import { forwardRef, useCallback, useEffect, useId, useImperativeHandle, useMemo, useRef, useState } from "react";
import { mayType } from "../core/index.ts";
import { useTerminalState } from "../react/use-terminal-state.ts";
import { boundFont, copyText, MIN_CONTRAST, type TerminalHandlers, THEMES, textOf } from "../xterm/index.ts";
import { Banner } from "./banner.tsx";
import { CannotShow } from "./cannot-show.tsx";
import { ContextMenu } from "./context-menu.tsx";
import { FileList } from "./files/file-list.tsx";
import { chooseFiles, useDrop } from "./files/use-drop.ts";
import { filesOf, useFiles } from "./files/use-files.ts";
import { FindBar } from "./find-bar.tsx";
import type { TermgateHandle, TermgateTerminalProps } from "./handle.ts";
import { useMedia, useThemeName } from "./media.ts";
import { Offers } from "./offers.tsx";
import { PasteDialog } from "./paste-dialog.tsx";
import { RecordingNote } from "./recording.tsx";
import { saveText } from "./save.ts";
import { StatusLine } from "./status-line.tsx";
import { STYLE } from "./style.ts";
import { TouchRow } from "./touch-row.tsx";
import { useBell } from "./use-bell.ts";
import { clipboardOf, menuItems, outputAt, useMenu } from "./use-menu.ts";
import { useNotices } from "./use-notices.ts";
import { useOffers } from "./use-offers.ts";
import { useReset } from "./use-reset.ts";
import { useSettled } from "./use-settled.ts";
import { useSoftKeyboard } from "./use-soft-keyboard.ts";
import { useTerminal } from "./use-terminal.ts";
import { copyRefused, heldSentence, isStalled, isWaiting } from "./words.ts";

/** Another window's size is explained once it has lasted this long. */
const SIZE_HINT_DELAY_MS = 1000;
/** In pixels; Ctrl-0 restores it. */
const DEFAULT_FONT_SIZE = 14;

/** Fills its parent. The page must load `@xterm/xterm/css/xterm.css`. */
export const TermgateTerminal = forwardRef<TermgateHandle, TermgateTerminalProps>(
  function TermgateTerminal(props, ref) {
    const { client, theme = "system", fontSize = DEFAULT_FONT_SIZE, touchKeys, label = "Terminal", onReady } = props;
    const state = useTerminalState(client);
    const themeName = useThemeName(theme);
    const coarsePointer = useMedia("(pointer: coarse)");
    const notices = useNotices(client);
    const root = useRef<HTMLElement>(null);
    const stage = useRef<HTMLDivElement>(null);
    const host = useRef<HTMLDivElement>(null);
    useSoftKeyboard(root);
    const ringBell = useBell(root);
    const help = useId();

    const [font, setFont] = useState(fontSize);
    // Keys may arrive faster than React renders.
    const latestFont = useRef(font);
    const showFont = useCallback((pixels: number) => {
      latestFont.current = boundFont(pixels);
      setFont(latestFont.current);
    }, []);
    useEffect(() => showFont(fontSize), [showFont, fontSize]);
    // `times` is the key of the find bar, which starts over when it is opened again.
    const [finding, setFinding] = useState<{ text: string; times: number } | null>(null);
    const find = useCallback((text: string) => setFinding((was) => ({ text, times: (was?.times ?? 0) + 1 })), []);
    const [question, setQuestion] = useState<{ text: string; answer: (paste: boolean) => void } | null>(null);
    useReset(client, () => setQuestion(null));
    const list = useOffers(client);
    const { offer } = list;
    const askBeforePaste = useRef(true);
    const [held, setHeld] = useState({ control: false, alt: false });
    const [selected, setSelected] = useState(false);
    const menu = useMenu(props.contextMenu !== false);
    const [fits, setFits] = useState(true);
    // A window that was just resized waits for the service.
    const sized = useSettled(fits, SIZE_HINT_DELAY_MS);

    const changeFont = (pixels: number) => {
      if (boundFont(pixels) === latestFont.current) return;
      showFont(pixels);
      props.onFontSize?.(latestFont.current);
    };
    /** Focuses the first element after the terminal. */
    const leave = () => {
      const next = root.current?.querySelector<HTMLElement>(".tg-status :is(button, a)");
      if (next) next.focus();
      else opened?.terminal.blur();
    };
    const handlers: TerminalHandlers = {
      copyOnSelect: () => props.copyOnSelect === true,
      predict: () => props.predict ?? "auto",
      marksCommands: () => props.marksCommands === true,
      confirmPaste: (text) =>
        props.warnBeforePaste !== false && askBeforePaste.current
          ? new Promise((answer) => setQuestion({ text, answer }))
          : Promise.resolve(true),
      onAction(action) {
        if (action === "find") handle?.search();
        else if (action === "leave") leave();
        else if (action === "normal") changeFont(DEFAULT_FONT_SIZE);
        else changeFont(latestFont.current + (action === "bigger" ? 1 : -1));
      },
      onPinch: changeFont,
      onBell() {
        ringBell();
        props.onBell?.();
      },
      onProgramCopied(characters) {
        notices.show(
          characters === null
            ? "The browser refused to let a program copy"
            : `A program copied ${characters} ${characters === 1 ? "character" : "characters"}`,
        );
      },
      onCopyRefused: () => notices.show(copyRefused(coarsePointer)),
      ...menu.handlers,
      onReadOnly: () => notices.show(heldSentence(state)),
      onFits: setFits,
      onModifiers: setHeld,
      onSelection: setSelected,
    };
    const settings = {
      theme: props.palette ?? THEMES[themeName],
      minimumContrastRatio: MIN_CONTRAST[themeName],
      screenReaderMode: props.screenReader === true,
      disableStdin: !mayType(state),
      ...(props.macOptionIsMeta !== undefined && { macOptionIsMeta: props.macOptionIsMeta }),
      ...(props.fontFamily !== undefined && { fontFamily: props.fontFamily }),
    };
    const { opened, failed, retry } = useTerminal(host, client, settings, font, props.options, handlers, props);
    const files = useFiles(client, opened, filesOf(state, props.files));
    const drop = useDrop(files);
    const { upload } = files ?? {};

    // Not as an attribute of the server's HTML, which a strict policy blocks.
    const background = settings.theme.background ?? "";
    useEffect(() => {
      if (stage.current) stage.current.style.background = background;
    }, [background]);

    const handle = useMemo<TermgateHandle | null>(() => {
      if (!opened) return null;
      const { terminal } = opened;
      return {
        terminal,
        focus: () => terminal.focus(),
        search: (text) => find(text ?? terminal.getSelection().split("\n")[0] ?? ""),
        copyAll: () => copyText(textOf(terminal)),
        download: (fileName = "terminal.txt") => saveText(textOf(terminal), fileName),
        clear() {
          // The view would stay scrolled up.
          terminal.scrollToBottom();
          terminal.clear();
        },
        upload: (given) => (given || !upload ? upload?.(given ?? []) : chooseFiles(upload)),
        setFontSize: showFont,
        offer,
      };
    }, [opened, showFont, find, offer, upload]);
    // Null until the terminal is open.
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
    const clipboard = clipboardOf(opened, coarsePointer, notices.show);
    const closeMenu = (refocus: boolean) => {
      menu.close();
      if (refocus) focus();
    };
    const closeFind = () => {
      setFinding(null);
      focus();
    };
    const dismiss = () => {
      notices.dismiss();
      focus();
    };
    const answer = (paste: boolean, askAgain: boolean) => {
      askBeforePaste.current = askAgain;
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
        <style href="termgate" precedence="termgate" nonce={props.nonce}>
          {STYLE}
        </style>
        <RecordingNote client={client} state={state} stays={props.statusLine === false} focus={focus} />
        <div ref={stage} className="tg-stage" data-drop={drop.over || undefined} {...drop.handlers}>
          <p id={help} className="tg-hidden">
            Tab goes to the shell. Ctrl-Shift-L leaves the terminal.
          </p>
          <div ref={host} className="tg-screen" />
          {isWaiting(state) && <p className="tg-waiting">{state.error?.message}</p>}
          {failed && <CannotShow onRetry={retry} />}
          <Offers {...{ client, state, list, focus }} say={notices.show} />
          {files && <FileList {...{ files, focus }} />}
          {drop.over && <p className="tg-drop">Drop files to bring them to the directory of the shell</p>}
          <p className="tg-toast" aria-hidden="true">
            {notices.transient}
          </p>
          {notices.banner && <Banner text={notices.banner} onClose={dismiss} />}
          {opened && finding && (
            <FindBar key={finding.times} opened={opened} initial={finding.text} onClose={closeFind} />
          )}
        </div>
        {menu.request && handle && (
          <ContextMenu
            {...menu.request}
            items={menuItems(handle, state, clipboard, outputAt(opened, menu.request.at), files)}
            onClose={closeMenu}
          />
        )}
        {question && <PasteDialog text={question.text} onAnswer={answer} />}
        {(touchKeys ?? coarsePointer) && (
          <TouchRow
            keys={mayType(state) ? opened?.touch : undefined}
            held={held}
            onPaste={clipboard.paste}
            onCopy={selected ? clipboard.copySelection : undefined}
          />
        )}
        {props.statusLine !== false && (
          <StatusLine
            client={client}
            state={state}
            notice={notices.transient}
            sizeHint={fits || sized ? "" : "Sized for another window of this session: type here to fit this one"}
            focus={focus}
            raisesHand={props.raisesHand}
            whenEnded={props.whenEnded}
          >
            {props.children}
          </StatusLine>
        )}
      </section>
    );
  },
);
