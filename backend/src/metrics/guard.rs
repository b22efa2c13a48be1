//! A gauge that counts live values: it goes down on drop, so no path can forget it.

use prometheus_client::metrics::gauge::Gauge;

/// Counts 1 in a gauge until it is dropped.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl GaugeGuard {
    /// Increments the gauge.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_until_it_is_dropped() {
        let gauge = Gauge::default();
        let (one, two) = (GaugeGuard::new(&gauge), GaugeGuard::new(&gauge));
        assert_eq!(gauge.get(), 2);
        drop(one);
        assert_eq!(gauge.get(), 1);
        let kept = Some(two);
        assert!(kept.is_some_and(|guard| guard.0.get() == 1), "a move does not count again");
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn a_panic_drops_it() {
        let gauge = Gauge::default();
        let counted = gauge.clone();
        let died = std::thread::spawn(move || {
            let _guard = GaugeGuard::new(&counted);
            std::panic::resume_unwind(Box::new("a bug"));
        });
        assert!(died.join().is_err());
        assert_eq!(gauge.get(), 0);
    }
}
