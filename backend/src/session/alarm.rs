//! One timer for a deadline that moves with every key. It rings early rather than being set anew: a deadline that only moves
//! away costs nothing, and the runtime's poller is not interrupted.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep_until};

pub(super) struct Alarm {
    /// Set to the deadline or to an earlier one.
    timer: Pin<Box<Sleep>>,
}

impl Alarm {
    pub(super) fn new(deadline: Instant) -> Self {
        Self { timer: Box::pin(sleep_until(deadline)) }
    }

    /// Ready once the deadline is past.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if self.timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn rings_at_the_last_deadline_that_it_was_given() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut alarm = Alarm::new(at(10));
        for deadline in [10, 10, 50, 5, 200] {
            let mut polled = 0;
            poll_fn(|context| {
                polled += 1;
                alarm.poll(context, at(deadline))
            })
            .await;
            assert!(Instant::now() >= at(deadline), "{deadline}");
            assert!(polled <= 3, "it rings early once at most: {polled}");
        }
        assert_eq!(start.elapsed().as_millis(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_away_sets_no_timer() {
        let start = Instant::now();
        let mut alarm = Alarm::new(start + Duration::from_secs(1));
        poll_fn(|context| {
            for seconds in [1, 2, 3] {
                assert!(alarm.poll(context, start + Duration::from_secs(seconds)).is_pending());
                assert_eq!(alarm.timer.deadline(), start + Duration::from_secs(1));
            }
            Poll::Ready(())
        })
        .await;
    }
}
