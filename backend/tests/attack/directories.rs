//! A page asks for a directory of its new shell: that shell gets no further than it could by itself.

use crate::harness::{Harness, says, uid_of};
use crate::support::{Terminal, user, user_token};

impl Harness {
    /// Directory and home of an attacker's new shell that was asked to start there.
    async fn start_in(&self, session: &str, directory: &str) -> (String, String) {
        let token = user_token(&user(session, Some(session)));
        let mut eve = Terminal::open(&self.service.terminal_url(session, &token)).await;
        eve.away = true;
        eve.attach_in("page", directory).await;
        let place = (says(&mut eve, "pwd -P").await, says(&mut eve, "echo $HOME").await);
        let uid = uid_of(&mut eve).await;
        self.end(eve, uid).await;
        place
    }
}

#[tokio::test]
async fn a_new_shell_starts_nowhere_that_its_user_may_not_go() {
    // Each is used once.
    let harness = Harness::with(|settings| settings.uids = *settings.uids.start()..=settings.uids.start() + 39).await;
    let mut ada = harness.shell("ada").await;
    let uid = uid_of(&mut ada).await;
    let link = says(&mut ada, "umask 0; mkdir ~/work; chmod 777 ~; ln -s ~/work /tmp/eve-$$; echo /tmp/eve-$$").await;
    let theirs = format!("{}/sessions/{uid}", harness.state.path().display());
    for (number, asked) in [
        "/root".to_owned(),
        "/proc/1/root".to_owned(),
        format!("/proc/{}/cwd", std::process::id()),
        link.clone(),
        theirs.clone(),
        format!("{theirs}/home"),
        format!("{theirs}/home/work"),
        format!("{theirs}/home/../home/work"),
        format!("{theirs}/tmp"),
        format!("{}/private", harness.state.path().display()),
    ]
    .iter()
    .enumerate()
    {
        let (place, home) = harness.start_in(&format!("e{number}"), asked).await;
        assert_eq!(place, home, "{asked}");
    }
    assert_eq!(harness.start_in("open", "/usr/bin").await.0, "/usr/bin");
    says(&mut ada, &format!("rm {link}")).await;
    harness.service.stop().await;
}
