#!/usr/bin/env python3
"""Records the output of real programs in a terminal, for the differential test.

    crates/vt/recordings/record.py            records all programs
    crates/vt/recordings/record.py vim less   records some

Each recording is NAME.bin.gz with the bytes, and NAME.json with the first size and the offsets of its changes. The programs
(PROGRAMS) run as root in their own namespaces, so that no recording shows this machine; the test needs only the files. Queries to
the terminal get the service's answers, because some programs wait for them.
"""

import fcntl
import gzip
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

ANSWERS = [
    (re.compile(rb"\x1b\[0?c"), b"\x1b[?1;2c"),
    (re.compile(rb"\x1b\[>0?c"), b"\x1b[>0;276;0c"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\]1([01]);\?(?:\x07|\x1b\\)"), b"\x1b]1\\1;rgb:0000/0000/0000\x1b\\\\"),
]


class Terminal:
    """A program in a terminal, and its output so far."""

    def __init__(self, command, cols, rows, cwd, env):
        self.bytes, self.resizes, self.size = b"", [], (cols, rows)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            home = {"HOME": cwd, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execvpe(command[0], command, {**home, **env})
        self.set_size(cols, rows)

    def set_size(self, cols, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read(self, quiet=0.25, most=20.0):
        """Reads until `quiet` seconds pass without output, or `most` in all. False if the program has ended."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            if not select.select([self.master], [], [], quiet)[0]:
                return True
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.bytes += data
            for question, answer in ANSWERS:
                for match in question.finditer(data):
                    os.write(self.master, match.expand(answer))
        return True

    def type(self, text, quiet=0.15):
        os.write(self.master, text.encode())
        self.read(quiet)

    def resize(self, cols, rows, quiet=0.3):
        self.read(0.05)
        self.resizes.append({"at": len(self.bytes), "cols": cols, "rows": rows})
        self.set_size(cols, rows)
        self.read(quiet)

    def end(self):
        self.read(0.3)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)


def keys(terminal, texts, quiet=0.15):
    for text in texts:
        terminal.type(text, quiet)


def vim(t):
    t.read(1)
    keys(t, [":syntax on\r", ":set number mouse=a\r", ":split\r", ":vsplit\r", "\x17w", "20j", "10\x05", "3\x19", "/fn \r", "n", "n"])
    keys(t, ["Vjjj", "\x1b", "dd", "u", "ohello 漢字 wörld\x1b", ":help\r", "\x04", "\x04", ":q\r", "zt", "zb", "G", "gg", ":terminal\r", "\x04"])
    keys(t, [":qa!\r"])


def vim_resize(t):
    t.read(1)
    keys(t, [":syntax on\r", ":vsplit\r", "30j"])
    t.resize(60, 20)
    keys(t, ["10\x05", ":split\r"])
    t.resize(130, 45)
    keys(t, ["G", ":set wrap linebreak\r"])
    t.resize(100, 30)
    keys(t, ["gg", ":qa!\r"])


def less(t):
    t.read(0.5)
    keys(t, [" ", " ", "b", "/the\r", "n", "n", "G", "p", "g", "100g", "-S", "\x1b[C", "\x1b[D", "q"])


def less_resize(t):
    t.read(0.5)
    keys(t, [" ", " "])
    t.resize(50, 12)
    keys(t, [" ", "b"])
    t.resize(110, 40)
    keys(t, [" ", "q"])
    t.type("echo done\r")


def tmux(t):
    t.read(1)
    keys(t, ["ls -la /usr\r", "\x02%", "top -b -n 1 | head -30\r", '\x02"', "for i in $(seq 60); do echo line $i; done\r"], 0.4)
    keys(t, ["\x02o", "seq 100\r", "\x02[", "\x1b[5~", "\x1b[5~", "q", "\x02z", "printf '\\e[31mred\\e[0m 漢字 é 😀\\n'\r", "\x02z"], 0.4)
    keys(t, ["\x02\x1b[C", "\x02o", "\x02c", "git -c color.ui=always log --oneline | head -20\r", "\x02p", "\x02,name\r"], 0.4)
    keys(t, ["tmux -L record kill-server\r"], 0.5)


def top(t):
    t.read(2.5, 3)
    keys(t, ["c", "1", "M", "z", "x", "\x1b[B", "q"], 0.3)


def htop(t):
    t.read(1, 2)
    keys(t, ["t", "\x1b[B\x1b[B", "I", "\x1bOR", "bash\r", "\x1bOQ", "\x1b[B", "\x1b[B", "\x1b"], 0.3)
    t.resize(80, 20)
    keys(t, ["q"], 0.5)


def nano(t):
    t.read(0.7)
    keys(t, ["hello 漢字\r", "\x0b", "\x0b", "\x15", "\x17the\r", "\x07", "\x18", "\x1b[6~", "\x1b[6~", "\x18", "n"])


def mc(t):
    t.read(1.5)
    keys(t, ["\t", "\x1b[B" * 3, "\r", "\x1bOR", "\x1b[B", "q", "\x1b9", "\x1b[B", "\x1b\x1b", "ls\r", "\x0f", "\x0f", "\x1b0", "\r"], 0.4)


def bash(t):
    t.read(1)
    keys(t, list("echo hello wrold"))
    keys(t, ["\x1b[D"] * 4 + ["\x7f", "\x7f", "or", "\x05", "\r"])
    keys(t, ["ls --color=always --hyperlink=always /usr\r", "\x12hell", "\r", "echo " + "long " * 40, "\x01", "\x1bf\x1bf\x1bd", "\x0b", "\x19", "\r"])
    keys(t, ["\x1b[200~echo pasted\necho twice\x1b[201~", "\r", "cd /usr/sh\t", "\t\t", "\r", "\x1b[A\x1b[A\x1b[A", "\x03", "printf '\\e]0;title\\a'\r"])
    keys(t, ["for i in $(seq 200); do printf '%s ' $i; done; echo\r", "clear\r", "echo 漢字漢字漢字 ééé 😀😀\r", "\x1b[A", "\x1b[D" * 6, "x", "\r", "exit\r"])


def bash_resize(t):
    t.read(1)
    keys(t, ["seq 80\r", "echo " + "abcdefghij" * 25 + "\r", "cat words\r"])
    t.resize(50, 20)
    keys(t, ["echo " + "0123456789" * 12, "\r"])
    t.resize(130, 40)
    keys(t, ["ls -la /usr/bin | head -60\r"])
    t.resize(90, 10)
    keys(t, ["echo end\r"])
    t.resize(80, 24)
    keys(t, ["exit\r"])


def shell(t):
    """Drives a script that needs no keys, until it ends."""
    t.read(3, 60)


def man(t):
    t.read(1)
    keys(t, [" ", " ", "/option\r", "n", "n", "N", "G", "b", "q"])


def menu(t):
    t.read(0.7)
    keys(t, ["\x1b[B", "\x1b[B", " ", "\x1b[B", " ", "\t", "\x1b[A", "\r"], 0.2)


ART = r"""
import random, sys
random.seed(7)
w = sys.stdout.write
w("\x1b[2J\x1b[H")
for y in range(30):
    for x in range(100):
        w(f"\x1b[38;2;{x*2};{y*8};{255-x*2}m\x1b[48;2;{y*4};{x};{90}m" + random.choice("▀▄█░▒▓#@ ")) if (x + y) % 3 else w(" ")
    w("\x1b[0m\r\n")
text = "漢字かなカナ한국어 Ελληνικά Русский עברית العربية हिन्दी ไทย e\u0301a\u0308o\u0302 👩‍👩‍👧 🇨🇭 👍🏽 ❤️ 😀🥲 ﷽ ½ ﬁ ẞ "
for i in range(40):
    w(f"\x1b[{random.choice([0,1,2,3,4,7,9,21,53])};{random.choice([31,32,33,94,95])}m")
    w("".join(random.choice(text) for _ in range(random.randrange(20, 150))))
    w("\x1b[m" + random.choice(["\n", "\r\n", "\x1b[K\r\n"]))
for i in range(8):
    w(f"\x1b]8;;https://example.org/{i}\x1b\\link {i}\x1b]8;;\x1b\\ \x1b[4:{i%6}m\x1b[58;5;{i*9}mline\x1b[m\x1b[5mblink\x1b[25m\n")
w("\x1b(0lqqqqwqqqqk\r\nx    x    x\r\nmqqqqvqqqqj\x1b(B\r\n")
w("\x1b[10;20r\x1b[?6h\x1b[1;1Hin the region\n\n\n\n\n\n\n\n\n\n\n\nscrolled\x1b[?6l\x1b[r\x1b[25;1H")
for i in range(60):
    w(f"\r\x1b[2K{'#' * i}{'.' * (60 - i)} {i * 100 // 60}%")
w("\x1b7\x1b[1;60H\x1b[7m saved \x1b[27m\x1b8 restored\n")
w("tabs\t1\t2\x1b[3g\x1b[10G\x1bH\r\x09here\n\x1b[4hinsert\r123\x1b[4l\n\x1b[3@\x1b[2P\x1b[5X\x1b[2L\x1b[M\x1b[3S\x1b[2T\n")
"""


def graph(cwd):
    """Creates a repository with branches."""
    git = lambda *args: subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *args], cwd=cwd, check=True, capture_output=True)
    random.seed(3)
    git("init", "-b", "main")
    for i in range(60):
        if i % 7 == 3:
            git("checkout", "-b", f"topic-{i}")
        git("commit", "--allow-empty", "-m", f"{random.choice(['Fix', 'Add', 'Drop', 'Größer', '修正'])} thing {i} " + "word " * random.randrange(12))
        if i % 7 == 6:
            git("checkout", "main")
            git("commit", "--allow-empty", "-m", f"Main {i}")
            git("merge", "--no-ff", "-m", f"Merge {i}", f"topic-{i - 3}")


BUILD = r"""
import random, time, sys
random.seed(5)
names = [l.split('"')[1] for l in open(sys.argv[1]) if l.startswith("name = ")]
for at, name in enumerate(names):
    print(f"\x1b[1m\x1b[32m   Compiling\x1b[0m {name} v1.{at}.0")
    if at % 9 == 0:
        print(f"\x1b[1m\x1b[33mwarning\x1b[0m\x1b[1m: unused variable: `x`\x1b[0m\n   \x1b[1m\x1b[94m--> \x1b[0msrc/{name}.rs:{at}:9\n    \x1b[1m\x1b[94m|\x1b[0m\n\x1b[1m\x1b[94m{at:3} |\x1b[0m     let x = {'very_' * (at % 30)}long();\n    \x1b[1m\x1b[94m|\x1b[0m         \x1b[1m\x1b[33m^\x1b[0m \x1b[1m\x1b[33mhelp\x1b[0m: try `_x`\n")
    print(f"\x1b[1m\x1b[36m    Building\x1b[0m [{'=' * (at % 25)}> ] {at}/{len(names)}: {name}\r\x1b[K", end="")
print("\x1b[1m\x1b[32m    Finished\x1b[0m in 0.1s")
"""

# Name: command, columns, rows, and the function that types.
PROGRAMS = {
    "art": (["python3", "-c", ART], 100, 30, shell),
    "bash": (["bash", "--norc", "-i"], 80, 24, bash),
    "bash-resize": (["bash", "--norc", "-i"], 80, 24, bash_resize),
    "build": (["python3", "-c", BUILD, str(ROOT / "Cargo.lock")], 120, 40, shell),
    "cargo": (["bash", "-c", "cargo new -q --vcs none x && cd x && echo 'fn f(){let x=1;} fn main(){let y: u8 = 300; f()}' > src/main.rs && cargo build --color always; cargo fmt --check; cargo clippy --color always"], 100, 30, shell),
    "git-graph": (["git", "-c", "color.ui=always", "--no-pager", "log", "--graph", "--stat", "--decorate"], 80, 24, shell),
    "git-pager": (["git", "-c", "core.pager=less -R", "log", "--graph", "--color=always", "--oneline"], 80, 24, less),
    "less": (["less", "-R", "+1", "protocol.md"], 100, 30, less),
    "less-resize": (["bash", "--norc", "-ic", "less LICENSE-APACHE; exec bash --norc"], 80, 24, less_resize),
    "man": (["man", "ls"], 90, 28, man),
    "menu": (["whiptail", "--checklist", "Choose", "20", "60", "10"] + [w for i in range(12) for w in (f"tag{i}", f"item {i}", "off")], 80, 24, menu),
    "tmux": (["tmux", "-u", "-f", "/dev/null", "-L", "record", "new", "bash --norc"], 120, 35, tmux),
    "htop": (["htop", "-d", "20"], 110, 32, htop),
    "mc": (["mc", "-u", "--skin=default", "/usr", "/etc"], 100, 30, mc),
    "nano": (["nano", "-l", "protocol.md"], 90, 28, nano),
    "top": (["top", "-d", "3"], 110, 32, top),
    "vim": (["vim", "-u", "NONE", "-N", "--cmd", "filetype on", "actor.rs"], 120, 40, vim),
    "vim-resize": (["vim", "-u", "NONE", "-N", "--cmd", "filetype on", "actor.rs"], 100, 30, vim_resize),
}


def record(name):
    command, cols, rows, drive = PROGRAMS[name]
    with tempfile.TemporaryDirectory() as cwd:
        if name.startswith("git"):
            graph(cwd)
        for file in ("docs/protocol.md", "backend/src/session/actor.rs", "LICENSE-APACHE"):
            shutil.copy(ROOT / file, cwd)
        Path(cwd, "words").write_text("".join(f"{'word ' * (i * 7 % 40)}\n" for i in range(30)))
        env = {"TERM": "xterm-256color", "LESS": "", "PS1": r"\[\e[1;32m\]user\[\e[0m\]:\[\e[34m\]\w\[\e[0m\]\$ ", "HISTFILE": ""}
        for key in ("CARGO_HOME", "RUSTUP_HOME"):
            env[key] = os.environ.get(key, str(Path.home() / f".{key.split('_')[0].lower()}"))
        terminal = Terminal(command, cols, rows, cwd, env)
        drive(terminal)
        terminal.end()
    HERE.joinpath(f"{name}.bin.gz").write_bytes(gzip.compress(terminal.bytes, mtime=0))
    HERE.joinpath(f"{name}.json").write_text(json.dumps({"cols": cols, "rows": rows, "resizes": terminal.resizes}) + "\n")
    print(f"{name}: {len(terminal.bytes)} bytes, {len(terminal.resizes)} resizes")


if __name__ == "__main__":
    if os.getpid() != 1:
        sys.exit(subprocess.call(["unshare", "--fork", "--pid", "--uts", "--mount-proc", sys.executable, *sys.argv]))
    subprocess.run(["hostname", "lab"], check=True)
    for at in range(12):
        subprocess.Popen(["sleep", f"{10 ** 5 + at}"])
    for wanted in sys.argv[1:] or PROGRAMS:
        record(wanted)
