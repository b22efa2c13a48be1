//! Ordering a client's messages.

use crate::Work;
use backend::session::input_order::InputOrder;
use shared_protocol::Seq;

/// An order that has applied this many messages.
fn aged(applied: u64) -> InputOrder<u64> {
    let mut order = InputOrder::default();
    for seq in 1..=applied {
        order.offer(Seq(seq), seq, 1);
        order.take_next();
    }
    order
}

/// Offers messages in order, after `applied` others.
pub(crate) fn in_order(messages: u64, applied: u64) -> Work {
    let mut order = aged(applied);
    Work::new(0, move || {
        for _ in 0..messages {
            let seq = Seq(order.applied().0 + 1);
            order.offer(seq, seq.0, 1);
            order.take_next();
        }
        order.applied()
    })
}

/// Offers messages in reverse order, each of them twice.
pub(crate) fn backwards(messages: u64) -> Work {
    let mut order = aged(0);
    Work::new(0, move || {
        let applied = order.applied().0;
        for seq in (applied + 1..=applied + messages).rev() {
            order.offer(Seq(seq), seq, 1);
            order.offer(Seq(seq), seq, 1);
        }
        std::iter::from_fn(|| order.take_next()).count()
    })
}
