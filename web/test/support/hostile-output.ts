/**
 * Output that no program prints: every sequence in any order, with the largest counts, at every edge, cut anywhere.
 */

const FINALS = [
  ..."@ABCDEFGHIJKLMPSTXZ^`abcdefghlmnqrstux",
  " @",
  " A",
  " q",
  "'}",
  "'~",
  "!p",
  '"q',
  "$p",
  "*x",
  "+T",
];
const PREFIXES = ["", "", "", "?", ">", "=", "<"];
const NUMBERS = ["", "0", "1", "2", "3", "9", "80", "999", "65536", "2147483647", "99999999999", "1:2", "38:2::1:2:3"];
const MODES = [
  "1",
  "3",
  "6",
  "7",
  "9",
  "12",
  "25",
  "45",
  "47",
  "1000",
  "1003",
  "1006",
  "1047",
  "1048",
  "1049",
  "2004",
  "2026",
];
const CONTROLS = ["\r", "\n", "\r\n", "\b", "\t", "\x0b", "\x0c", "\x0e", "\x0f", "\0", "\x7f", "\x18", "\x1a", "\x1b"];
const ESCAPES = [
  "D",
  "E",
  "M",
  "H",
  "7",
  "8",
  "=",
  ">",
  "c",
  "(0",
  "(B",
  ")A",
  "#8",
  "%G",
  "N",
  "O",
  "Z",
  "n",
  "o",
  "|",
];
const STRINGS = [
  ...[
    "\x1b]2;title\x07",
    "\x1b]8;;http://a/\x1b\\",
    "\x1b]8;;\x07",
    "\x1b]4;1;?\x07",
    "\x1b]10;#123456\x07",
    "\x1b]52;c;eA==\x07",
  ],
  ...["\x1b]104\x07", "\x1bP1$q\x1b\\", "\x1bP+q544e\x1b\\", "\x1b_app\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\"],
  ...['\x1bPq"1;1;9;9#0;2;0;0;0!9~-!99999999~$-\x1b\\', "\x1b]1337;File=inline=1:eA==\x07", "\x1bP", "\x1b]", "\x9c"],
];
const TEXT = ["a", "the quick brown fox ", "漢", "字😀", "e\u0301", "\u0301", "─", "\u200d", "👩‍👩‍👧", "x".repeat(300)];
const EDGES = ["\x1b[H", "\x1b[999;999H", "\x1b[999;1H", "\x1b[1;999H", "\x1b[2;3r", "\x1b[r", "\x1b[?6h\x1b[9;9H"];

/** A stream of about this many pieces. */
export function hostileOutput(random: () => number, pieces: number): Uint8Array {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const parameters = () => Array.from({ length: Math.floor(random() * 4) }, () => pick(NUMBERS)).join(";");
  const kinds = [
    () => `\x1b[${pick(PREFIXES)}${parameters()}${pick(FINALS)}`,
    () => `\x1b[${parameters()}${pick(FINALS)}`,
    () => `\x1b[${pick(["", "?"])}${pick(["", "0", "1", "2", "3"])}${pick(["J", "K"])}`,
    () => `\x1b[?${pick(MODES)}${pick(["h", "l"])}`,
    () => pick(CONTROLS),
    () => `\x1b${pick(ESCAPES)}`,
    () => pick(STRINGS),
    () => pick(TEXT),
    () => pick(EDGES),
    () => String.fromCodePoint(Math.floor(random() * 0x2fff)),
  ];
  const bytes: number[] = [];
  for (let piece = 0; piece < pieces; piece += 1) {
    bytes.push(...new TextEncoder().encode(pick(kinds)()));
    if (random() < 0.02) bytes.push(Math.floor(random() * 256));
    if (random() < 0.02) bytes.pop();
  }
  return Uint8Array.from(bytes);
}
