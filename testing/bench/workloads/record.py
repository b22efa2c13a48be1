"""Records a program in a terminal with simulated typing as asciicast v2: python3 record.py typing > typing.cast.

The benchmark only replays recordings. Keys have a human pace: 52 words a minute with a random delay per key (mean 0.24 s, skewed
as in "Observations on Typing from 136 Million Keystrokes", Dhakal et al., CHI 2018), and pauses to read and think. The delays are
the same in every recording.
"""

import codecs, fcntl, json, math, os, pty, random, select, shutil, signal, struct, sys, tempfile, termios, time

COLS, ROWS = 120, 40
SECONDS = 80
ENTER, TAB, UP, ESC, BACK = "\r", "\t", "\x1b[A", "\x1b", "\x7f"

# Input: text, and pauses in seconds.
KEYS = {
    "typing": [
        2, "ls -l", 0.6, ENTER, 4, "cd le", TAB, 0.4, ENTER, 1.5, "cat notes.txt", ENTER, 7,
        "grep -n pasw", 0.8, BACK, "sword *", 0.5, ENTER, 6, "head -5 ser", TAB, ENTER, 8,
        UP, 1, *[BACK] * 9, "tail -3 server.log | wc -c", 1, ENTER, 5, "file *", ENTER, 5, "echo done > answer", ENTER,
    ],
    "vim": [
        2, "jjj", 0.5, "jj", 1, "w", "w", 0.6, "cw", "handle_request", ESC, 2, "o", "if not path:", ENTER,
        "    return None", ESC, 1.5, ":w", ENTER, 3, "/def ", ENTER, 1, "n", 0.7, "n", 2, "dd", 0.5, "p", 1.5, "u", 1, "u", 2,
        "G", 1, "o", "# TODO: log what was refused,", 0.5, " and by whom", ENTER, "print('ready')", ESC, 2, "gg", 1.5,
        *["\x1b[B"] * 8, 1, "A", "  # ok", ESC, 1, ":wq", ENTER,
    ],
    "python": [
        2, "import json", ENTER, 1.5, "def area(w, h):", ENTER, "    return w * h", ENTER, ENTER, 1, "area(3, 4)", ENTER, 2,
        "rows = [area(n, n + 1) for n in range(5)]", 0.5, ENTER, 1.5, "sum(rowz", 0.6, BACK, "s)", ENTER, 2,
        UP, 0.8, BACK, "[1:])", ENTER, 1.5, "json.dumps(rows)", ENTER, 3, "exit()", ENTER,
    ],
    "mixed": [
        1, "cd lesson", ENTER, 0.8, "ls", ENTER, 1.5, "less notes.txt", ENTER, 1.5, " ", 1, "/guess", ENTER, 1, "q", 1,
        "grep -n def server.py", ENTER, 2, "vim server.py", ENTER, 1.5, "G", 0.5, "o", "# the end", ESC, 0.8, ":wq", ENTER, 1,
        "python3 -q", ENTER, 1, "2 ** 10", ENTER, 1, "exit()", ENTER, 1, "cat > a.txt", ENTER, "some words", ENTER, "\x04", 1,
        "wc -c a.tx", TAB, ENTER, 1.5, UP, 0.6, "\x1b[D", "\x1b[D", 0.4, BACK, "*", ENTER, 1, "ecoh", 0.5, BACK, BACK, "ho done", ENTER,
    ],
    "tests": [],
    "top": [],
}

PROGRAMS = {
    "typing": ["bash", "--norc", "--noprofile"],
    "vim": ["vim", "server.py"],
    "python": [sys.executable, "-q"],
    "mixed": ["bash", "--norc", "--noprofile"],
    "tests": [sys.executable, "-m", "unittest", "-v", *(f"test.test_{name}" for name in "queue socket threading subprocess asyncio".split())],
    # In a PID namespace with three other processes, so that the recording does not publish this machine's processes.
    "top": ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "sleep 999 & sleep 998 & yes > /dev/null & exec top"],
}

SERVER = """\
import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.strip("/")
        self.send_response(200 if path else 404)
        self.end_headers()
        self.wfile.write(path.encode())

    def log_message(self, form, *values):
        print("%s %s" % (self.client_address[0], form % values))


def main():
    server = http.server.HTTPServer(("127.0.0.1", 8000), Handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


main()
"""


def strokes(keys):
    """Yields each key and its time."""
    rhythm, at = random.Random(1), 0.0
    for key in keys:
        if isinstance(key, (int, float)):
            at += key
            continue
        # An escape sequence is one key.
        for stroke in [key] if key.startswith("\x1b") else key:
            at += min(1.2, max(0.06, rhythm.lognormvariate(math.log(0.18), 0.75)))
            yield at, stroke


def home():
    """Creates a folder with files to work on."""
    folder = tempfile.mkdtemp()
    lesson = os.path.join(folder, "lesson")
    os.mkdir(lesson)
    write = lambda name, text: open(os.path.join(lesson, name), "w").write(text)
    write("notes.txt", "".join(f"{n}. Look for the password in the log, then say who tried to guess it.\n" for n in range(1, 13)))
    write("server.log", "".join(f"10.0.0.{n % 7} GET /login password={'x' * (n % 9)} 40{n % 4}\n" for n in range(40)))
    write("server.py", SERVER)
    return folder


def modes(terminal):
    """Modes of the line discipline that the service reports to clients."""
    local = termios.tcgetattr(terminal)[3]
    return " ".join(name for name, flag in [("echo", termios.ECHO), ("canonical", termios.ICANON)] if local & flag)


def record(name, folder):
    child, terminal = pty.fork()
    if child == 0:
        environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": folder, "PS1": r"ada@lab:\W$ "}
        os.chdir(os.path.join(folder, "lesson" if name == "vim" else ""))
        os.execvpe(PROGRAMS[name][0], PROGRAMS[name], {**os.environ, **environment})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLS, 0, 0))
    write = lambda event: print(json.dumps(event, ensure_ascii=False), flush=True)
    write({"version": 2, "width": COLS, "height": ROWS, "duration": SECONDS})
    began, decoder = time.monotonic(), codecs.getincrementaldecoder("utf-8")("replace")
    now = lambda: round(time.monotonic() - began, 4)
    waiting, before = list(strokes(KEYS[name])), None
    print(f"{len(waiting)} keys until {waiting[-1][0] if waiting else 0:.1f} s", file=sys.stderr)
    while now() < SECONDS:
        due = min(waiting[0][0] if waiting else SECONDS, SECONDS)
        ready, _, _ = select.select([terminal], [], [], max(0, due - now()))
        if ready:
            try:
                output = os.read(terminal, 65536)
            except OSError:
                break
            mode = modes(terminal)
            if mode != before:
                write([now(), "m", mode])
                before = mode
            write([now(), "o", decoder.decode(output)])
        elif waiting:
            _, stroke = waiting.pop(0)
            os.write(terminal, stroke.encode())
            write([now(), "i", stroke])
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    folder = home()
    if sys.argv[1] == "--home":
        print(folder)
        sys.exit()
    try:
        record(sys.argv[1], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
