// Programs that students of cloud security use, with something to do for each.
//
// `version` is a command line; `before` too, and must succeed. `run` is a command line whose output must match `says`. Programs
// with a screen have `keys` instead: pairs of something to type and of the screen that must follow; `after` is then a command
// line whose output must match `says`.

const PROMPT = /\$ $/;
const CTRL = (letter) => String.fromCharCode(letter.toUpperCase().charCodeAt(0) & 31);
const ESC = "\x1b";

/** An SSH server of the student's own, on port 2222. */
const SSHD = [
  "mkdir -p -m 700 ~/.ssh",
  "ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519",
  "cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys",
  "ssh-keygen -q -t ed25519 -N '' -f ~/host_key",
  "printf 'StrictHostKeyChecking accept-new\\nPort 2222\\n' > ~/.ssh/config",
  "/usr/sbin/sshd -f /dev/null -h ~/host_key -p 2222 -o ListenAddress=127.0.0.1 -o PidFile=none -o StrictModes=no -o Subsystem=\"sftp internal-sftp\"",
].join(" && ");
const REPOSITORY = [
  "git init -q --bare r.git",
  "git init -q w && cd w && git config user.name S && git config user.email s@example.test",
  "echo a > a && git add a && git commit -q -m first && cd ..",
].join(" && ");

export const PROGRAMS = [
  { name: "ssh", did: "ssh to an own sshd", version: "ssh -V 2>&1", before: SSHD, run: "ssh localhost whoami", says: /^student$/m },
  { name: "ssh, with a terminal", did: "log in, `tty`, log out", version: "ssh -V 2>&1", before: SSHD,
    keys: [["ssh -t localhost sh\r", /\$ $/], ["tty; stty size\r", /\/dev\/pts\/\d+\s+30 100/], ["exit\r", /closed\.\s[^\n]*\$ $/]] },
  { name: "scp", did: "copy a file over ssh", before: SSHD, run: "echo hi > a && scp -q a localhost:b && cat b", says: /^hi$/m },
  { name: "git over ssh", version: "git --version", did: "push and clone", before: `${SSHD} && ${REPOSITORY}`,
    run: 'cd w && git push -q "ssh://localhost$HOME/r.git" HEAD:main && git clone -q -b main "ssh://localhost$HOME/r.git" ../c && cat ../c/a', says: /^a$/m },
  { name: "psql", version: "psql --version", did: "connect where no server is", run: "psql -h 127.0.0.1 -p 9 -l", says: /Connection refused/ },
  { name: "mysql", version: "mysql --version", did: "connect where no server is", run: "mysql -h 127.0.0.1 -P 9", says: /Can't connect/ },
  { name: "redis-cli", version: "redis-cli --version", did: "set and get, own server",
    before: "redis-server --port 7399 --save '' --daemonize yes > /dev/null && sleep 1", run: "redis-cli -p 7399 set a 1 && redis-cli -p 7399 get a", says: /OK\s+"?1"?$/ },
  { name: "sqlite3", version: "sqlite3 --version", did: "a query", run: "sqlite3 a.db 'select 6*7'", says: /^42$/ },
  { name: "nmap", version: "nmap --version | head -n 1", did: "TCP connect scan of this machine", run: "nmap -sT -p 9 127.0.0.1", says: /9\/tcp closed/ },
  { name: "nmap -sS", version: "nmap --version | head -n 1", did: "a scan with raw sockets, which is refused", run: "nmap -sS -p 9 127.0.0.1", says: /requires root/ },
  { name: "tcpdump", version: "tcpdump --version 2>&1 | head -n 1", did: "capture, which is refused", run: "tcpdump -i lo -c 1", says: /permission/i },
  { name: "ping", did: "start it, with a file capability", run: "ping -c 1 127.0.0.1", says: /1 received/ },
  { name: "ping, copied", did: "a copy without the capability", run: "cat $(command -v ping) > p; chmod +x p; ./p -c 1 127.0.0.1", says: /1 received/ },
  { name: "curl", version: "curl --version | head -n 1", did: "a request to a server of python", before: "(python3 -m http.server 8399 --bind 127.0.0.1 > /dev/null 2>&1 &) && sleep 2",
    run: "curl -sSI http://127.0.0.1:8399/ | head -n 1", says: /200 OK/ },
  { name: "nc", did: "a port that is closed", version: "nc -h 2>&1 | head -n 1", run: "nc -vz 127.0.0.1 9", says: /refused/ },
  { name: "socat", version: "socat -V | sed -n 2p", did: "a pipe", run: "echo hi | socat - EXEC:cat", says: /^hi$/ },
  { name: "openssl", version: "openssl version", did: "a key and a certificate", run: "openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=lab -days 1 2> /dev/null; openssl x509 -in c -noout -subject", says: /CN ?= ?lab/ },
  { name: "gpg", version: "gpg --version | head -n 1", did: "encrypt and decrypt", run: "echo hi | gpg -q --batch --passphrase x --symmetric | gpg -q --batch --passphrase x -d", says: /hi$/ },
  { name: "/usr/sbin/john", did: "crack one hash", version: "/usr/sbin/john 2>&1 | grep password", run: "echo secret > w; echo u:$(openssl passwd -1 -salt abc secret) > h; /usr/sbin/john --wordlist=w h 2>&1", says: /secret/ },
  { name: "hydra", version: "hydra -h | head -n 1", did: "no service there", run: "hydra -l a -p b ssh://127.0.0.1:9 2>&1 | tail -n 3", says: /ERROR|could not connect/i },
  { name: "dig", version: "dig -v 2>&1", did: "no server there", run: "dig +time=1 +tries=1 @127.0.0.1 example.test", says: /no servers|refused/ },
  { name: "jq", version: "jq --version", did: "a field", run: "echo '{\"a\":[1,2]}' | jq -c .a", says: /^\[1,2\]$/ },
  { name: "python3", version: "python3 --version", did: "user, home, size of the terminal", run: "python3 -c 'import pwd,os; print(pwd.getpwuid(os.getuid()).pw_name, os.get_terminal_size().columns)'", says: /^student 100$/ },
  { name: "python3, its prompt", version: "python3 --version", did: "a line, Ctrl-C, Ctrl-D", keys: [["python3\r", />>> $/], ["6*7\r", /42\s+>>> $/], ["ab\x03", /KeyboardInterrupt\s+>>> $/], [CTRL("d"), PROMPT]] },
  { name: "node", version: "node --version", did: "user and size of the terminal", run: "node -e 'console.log(os.userInfo().username, process.stdout.columns)'", says: /^student 100$/ },
  { name: "go", version: "go version", did: "compile and run", run: "printf 'package main\\nimport \"fmt\"\\nfunc main(){fmt.Println(6*7)}\\n' > a.go && GOFLAGS=-p=1 go run a.go", says: /^42$/ },
  { name: "gcc", version: "gcc --version | head -n 1", did: "compile and run", run: "echo 'int main(){return 7;}' > a.c && gcc a.c && ./a.out; echo $?", says: /^7$/ },
  { name: "gdb", version: "gdb --version | head -n 1", did: "run to main and print", before: "echo -e 'int main(){\nint a=41;\nreturn a+1;\n}' > a.c && gcc -g a.c",
    run: "gdb -q -batch -ex 'break main' -ex run -ex next -ex 'print a' ./a.out 2>&1", says: /\$1 = 41/ },
  { name: "strace", version: "strace --version | head -n 1", did: "system calls of true", run: "strace -c true 2>&1 | tail -n 1", says: /total/ },
  { name: "vim", version: "vim --version | head -n 1", did: "type é and 🥲, Ctrl-C, save, quit", keys: [["vim -u NONE -N --cmd 'set showmode' a\r", /"a" \[New/], ["i", /INSERT/], ["hé🥲llo", /hé🥲llo/], ["\x03", /^(?![^]*INSERT)/], [":wq\r", PROMPT]], after: "cat a", says: /^hé🥲llo$/ },
  { name: "emacs", version: "emacs --version | head -n 1", did: "type, C-x C-s, C-x C-c", keys: [["emacs -nw -Q a\r", /Fundamental/], ["hello", /hello/], ["\x18\x13", /Wrote/], ["\x18\x03", PROMPT]], after: "cat a", says: /^hello$/ },
  { name: "nano", version: "nano --version | head -n 1", did: "type, Ctrl-O, Ctrl-X", keys: [["nano a\r", /GNU nano/], ["hello", /hello/], [CTRL("o"), /File Name/], ["\r", /Wrote 1/], [CTRL("x"), PROMPT]], after: "cat a", says: /^hello$/ },
  { name: "tmux", version: "tmux -V", did: "two panes, whoami, leave", keys: [["tmux -f /dev/null\r", /\[0\] 0:/], [`${CTRL("b")}%`, /│/], ["whoami\r", /student/], ["exit\r", /^[^│]*\[0\][^│]*$/], ["exit\r", /\[exited\]/]] },
  { name: "screen", version: "screen --version", did: "whoami, leave", keys: [["screen -s /bin/sh\r", /\$ ?$|press/i], [" \r", /\$ ?$/], ["whoami\r", /student/], ["exit\r", /terminating/]] },
  { name: "mc", version: "mc --version | head -n 1", did: "panels, quit with F10", keys: [["mc -u\r", /10 ?Quit/], [`${ESC}[21~`, PROMPT]] },
  { name: "htop", version: "htop --version | head -n 1", did: "list, quit", keys: [["htop\r", /F10 ?Quit/], ["q", PROMPT]] },
  { name: "top", version: "top -V", did: "list, quit", keys: [["top\r", /PID USER/], ["q", PROMPT]] },
  { name: "less", version: "less --version | head -n 1", did: "page down, search, quit", keys: [["seq 99 | less\r", /:$/], [" ", /\b50\n/], ["/77\r", /77/], ["q", PROMPT]] },
  { name: "man", version: "man --version", did: "a page, quit", keys: [["man bash\r", /BASH\(1\)|No manual|minimized/], ["q", /\$ q?$/]] },
  { name: "fzf", version: "fzf --version", did: "filter, choose", keys: [["seq 99 | fzf --height 9\r", /99\/99/], ["77", /1\/99/], ["\r", /\n77\n/]] },
  { name: "zsh", version: "zsh --version", did: "a command", keys: [["zsh -f\r", /% $/], ["print -P %n\r", /student/], ["exit\r", PROMPT]] },
  { name: "fish", version: "fish --version", did: "a command", keys: [["fish --no-config\r", />\s*$/], ["whoami\r", /student/], ["exit\r", PROMPT]] },
  { name: "bash, nested", version: "bash --version | head -n 1", did: "the prompt knows the user", keys: [["PS1='<\\u> ' bash --norc\r", /<student> $/], ["exit\r", PROMPT]] },
  { name: "aws", version: "aws --version", did: "who am I, without keys", run: "AWS_EC2_METADATA_DISABLED=true aws sts get-caller-identity", says: /credentials/i },
  { name: "kubectl", version: "kubectl version --client | head -n 1", did: "no cluster there", run: "kubectl get pods 2>&1 | tail -n 1", says: /refused/ },
  { name: "terraform", version: "terraform version | head -n 1", did: "init and plan without providers", run: "echo 'output \"a\" { value = 6*7 }' > a.tf && terraform init -no-color > /dev/null && terraform apply -auto-approve -no-color | tail -n 1", says: /a = 42/ },
  { name: "ansible", version: "ansible --version | head -n 1", did: "ping this machine", run: "ansible -c local -i localhost, all -m ping", says: /pong/ },
  { name: "docker", version: "docker --version", did: "no daemon for students", run: "docker ps", says: /daemon|permission|socket/i },
  { name: "sudo", did: "refused: no new privileges", run: "sudo -n id", says: /no new privileges/ },
  { name: "su", version: "su --version", did: "refused", run: "echo | su -c id", says: /failure|must be|denied|cannot/i },
  { name: "rsync", version: "rsync --version | head -n 1", did: "copy a folder", run: "mkdir a && touch a/b && rsync -a a/ c/ && ls c", says: /^b$/ },
  { name: "rg", version: "rg --version | head -n 1", did: "search", run: "echo needle > a && rg -N needle .", says: /needle/ },
  { name: "lsof", version: "lsof -v 2>&1 | grep revision", did: "files of this shell", run: "lsof -p $$ | head -n 2 | tail -n 1", says: /student/ },
  { name: "dialog", version: "dialog --version", did: "OK", keys: [["dialog --msgbox hello 6 20\r", /OK/], ["\r", /\$ /]] },
  { name: "sleep", version: "sleep --version | head -n 1", did: "Ctrl-Z, fg, Ctrl-C", keys: [["sleep 1000\r", /1000/], [CTRL("z"), /Stopped/], ["fg\r", /fg\s+sleep/], ["\x03", /\^C\s[^\n]*\$ $/]] },
];
