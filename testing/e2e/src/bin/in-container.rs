//! Checks the isolation of a shell in the container image, as a hostile user would: identity, privileges, files, secrets.
//! Usage: `in-container ADDRESS`, with a user's token in TOKEN and the secrets to search for in SECRETS. `scripts/image-test`
//! runs it.

use e2e::Terminal;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(token), Some(secrets)) = (arguments.next(), variable("TOKEN"), variable("SECRETS")) else {
        panic!("usage: TOKEN=… SECRETS=… in-container ADDRESS");
    };
    let connected = Terminal::connect(&url, &token).await;
    let mut terminal = connected.unwrap_or_else(|status| panic!("the handshake is refused with {status}"));
    terminal.attach().await;
    terminal.expect("\u{1b}[?2004h").await;

    let checks = [
        // (command, expected output)
        ("test \"$(id -u)\" -ge 20001 && test \"$(id -u)\" = \"$(id -g)\" && echo own user", "own user"),
        ("id -G | wc -w", "1"),
        ("grep -c '^Cap...:\t0*$' /proc/self/status", "5"),
        ("grep NoNewPrivs /proc/self/status | tr -d '\\t'", "NoNewPrivs:1"),
        ("cat /proc/1/environ /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c SECRET", "0"),
        ("env | grep -cE 'SECRET|TOKEN|NODE_ENV|AWS'", "0"),
        ("cp /bin/bash ~/b && chmod u+s ~/b && ~/b -pc 'id -u' | grep -cvx \"$(id -u)\"", "0"),
        ("stat -c %a ~", "700"),
        ("touch /usr/local/bin/x 2>/dev/null || echo read only", "read only"),
        ("test -t 0 && stat -c %U:%u $(tty) | grep -c :$(id -u)", "1"),
        ("command -v vi less curl nano ps >/dev/null && echo tools", "tools"),
        // Process 1 reaps orphans.
        ("(sh -c 'true & exec sleep 0.2' &); sleep 1; ps -eo stat= | grep -c '^Z'", "0"),
    ];
    for (command, expected) in checks {
        let (answer, _) = terminal.command(command).await;
        assert_eq!(answer.trim(), expected, "{command}");
        println_ok(command);
    }
    for secret in secrets.split_whitespace() {
        // Half of the secret, because the command line itself is visible in /proc.
        let half = secret.get(..secret.len() / 2).unwrap_or(secret);
        let command = format!("grep -lsF {half} /proc/[0-9]*/environ; grep -rlsF {half} /etc /tmp /run; true");
        let (answer, _) = terminal.command(&command).await;
        assert_eq!(answer.trim(), "", "a secret is readable to a shell");
    }
    terminal.close_session().await;
}

#[expect(clippy::disallowed_methods, reason = "secrets come by variables, because arguments are visible to the shell")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::print_stdout, reason = "a program prints its results")]
fn println_ok(what: &str) {
    println!("ok  {what}");
}
