/**
 * Files that programs offer: output is hostile, so each offer has a bounded size and a name that is what it looks like.
 */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { bytesOf, nameOf, type OfferedFile, parseOffer, watchOffers } from "../../src/xterm/offered-files.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const path = (text: string) => `TermgateDownload=${base64(text)}`;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a path and a file are offered under a name that any system allows", () => {
  expect(parseOffer(path("/home/student/données (1).csv"))).toEqual({
    kind: "path",
    path: "/home/student/données (1).csv",
    name: "données (1).csv",
  });
  const file = parseOffer(`File=name=${base64("../a.txt")};size=4;inline=0:${base64("text")}`);
  expect(file).toEqual({ kind: "content", name: "a.txt", base64: base64("text") });
  expect(Buffer.from(bytesOf(base64("t\u00e9xt"))).toString()).toBe("t\u00e9xt");
  expect(parseOffer(`File=:${base64("text")}`)).toMatchObject({ name: "file" });
});

test.each([
  ["an image in the text", `File=inline=1:${base64("text")}`],
  ["no base64", "File=name=YQ==:te-xt"],
  ["a command of another kind", "CursorShape=1"],
  ["a path that is no base64", "TermgateDownload=/etc/passwd"],
  ["a path that is no text", `TermgateDownload=${Buffer.from([0xff, 0xfe]).toString("base64")}`],
  ["no path", "TermgateDownload="],
  ["a path that is too long", path("a".repeat(5000))],
  ["a file that is too large", `File=:${"A".repeat(4_000_004)}`],
  ["arguments that are too long", `File=name=${"A".repeat(6000)}:YQ==`],
])("%s is no offer", (_, data) => expect(parseOffer(data)).toBeUndefined());

test.each([
  ["photo\u202egpj.exe", "photo_gpj.exe"],
  ["a\u200bb\u2066c\u00add", "a_b_c_d"],
  ["nul.txt", "_nul.txt"],
  ["COM1", "_COM1"],
  ["a:b?c*", "a_b_c_"],
  ["ends. .", "ends"],
  ["/", "file"],
  ["..", "file"],
  ["tab\there\x1b[31m", "tab_here_[31m"],
  ["x".repeat(63), "x".repeat(63)],
  ["x".repeat(300), "x".repeat(63)],
  [`${"x".repeat(59)}.txt`, `${"x".repeat(59)}.txt`],
  [`${"x".repeat(60)}.txt`, `${"x".repeat(59)}.txt`],
  [`${"漢".repeat(80)}.tar.gz`, `${"漢".repeat(56)}.tar.gz`],
  [`${"🙂".repeat(80)}.${"e".repeat(16)}`, `${"🙂".repeat(46)}.${"e".repeat(16)}`],
  [`${"x".repeat(80)}.${"e".repeat(17)}`, "x".repeat(63)],
  [`${"x".repeat(62)}. ${"y".repeat(40)}`, "x".repeat(62)],
  [`${"x".repeat(80)}.exe. .`, `${"x".repeat(59)}.exe`],
  [`${"x".repeat(80)}.g\u202epj`, `${"x".repeat(58)}.g_pj`],
  [`nul${" ".repeat(80)}.txt`, `_nul${" ".repeat(56)}.txt`],
])("the name %j is shown as %j", (given, name) => expect(nameOf(given)).toBe(name));

/** A terminal whose programs print OSC 1337. */
function watched() {
  const told: (readonly OfferedFile[])[] = [];
  let handle = (_: string): boolean => false;
  const dispose = vi.fn();
  const parser = {
    registerOscHandler(_: number, handler: (data: string) => boolean) {
      handle = handler;
      return { dispose };
    },
  };
  const stop = watchOffers({ parser } as never, (offers) => told.push(offers));
  return { told, print: (data: string) => handle(data), stop, dispose };
}

test("a flood of offers is told of ten times a second, and holds the latest four", () => {
  const { told, print, stop, dispose } = watched();
  for (let number = 0; number < 10_000; number += 1) expect(print(path(`/file${number}`))).toBe(true);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(told.map((offers) => offers.map(({ name }) => name))).toEqual([
    ["file9996", "file9997", "file9998", "file9999"],
  ]);
  print(path("/file9999"));
  expect(print("SetMark")).toBe(false);
  vi.advanceTimersByTime(1000);
  expect(told).toHaveLength(2);
  expect(told[1]?.map(({ id }) => id)).toEqual([9997, 9998, 9999, 10_001]);
  print(path("/late"));
  stop();
  vi.advanceTimersByTime(1000);
  expect(told).toHaveLength(2);
  expect(dispose).toHaveBeenCalledOnce();
});

test("files in the output are held up to a bound, the latest first", () => {
  const { told, print } = watched();
  const large = "A".repeat(2_000_000);
  for (const name of ["a", "b", "c"]) print(`File=name=${base64(name)}:${large}`);
  vi.advanceTimersByTime(100);
  expect(told[0]?.map(({ name }) => name)).toEqual(["b", "c"]);
});
