//! Pages that are only open, on one instance: runs of the function, relays, and requests open in the service.

use super::pages::{open_all, read_until};
use crate::latency::stack;
use crate::metrics::Metrics;
use crate::report::{Row, Table};
use crate::stats::{mean, percentile};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

/// Pages, besides the largest number.
const PAGES: [u32; 2] = [50, 200];

/// Pages that open at once.
const OPENING: usize = 16;

const TIME: Duration = Duration::from_secs(60);

/// Longer than any measurement.
const LONGEST: Duration = Duration::from_secs(3600);

const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);

const COLUMNS: [&str; 7] = [
    "runs, mean",
    "runs, most",
    "relays, mean",
    "relays, most",
    "open requests, mean",
    "open requests, most",
    "frames failed",
];

pub(super) const FAILED: &str = "termgate_relay_frames_failed_total";

/// The gauge of open requests counts the one that reads it.
pub(super) const OWN_REQUEST: f64 = 1.0;

pub(super) async fn table(most: u32) -> Table {
    let mut rows = Vec::new();
    for pages in PAGES.into_iter().filter(|pages| *pages < most).chain([most]) {
        rows.push(visible(pages).await);
    }
    Table { figure: "visible pages on one instance", unit: "at once", columns: COLUMNS.to_vec(), rows }
}

/// Samples all numbers after the pages have opened.
async fn visible(pages: u32) -> Row {
    let stack = stack().await;
    let mut readers = JoinSet::new();
    open_all(&stack, pages, OPENING, |_, mut page| {
        readers.spawn(async move { read_until(&mut page, Instant::now() + LONGEST).await });
    })
    .await;
    let (began, before) = (Instant::now(), stack.usage());
    let (mut running, mut relays, mut open) = (Vec::new(), Vec::new(), Vec::new());
    let mut ticks = interval(SAMPLE_INTERVAL);
    while began.elapsed() < TIME {
        ticks.tick().await;
        running.push(stack.usage().running as f64);
        let metrics = Metrics::of(&stack, 0).await;
        relays.push(metrics.sum("termgate_relays"));
        open.push(metrics.sum("termgate_http_requests_open") - OWN_REQUEST);
    }
    let runs = stack.usage().since(&before).duration.as_secs_f64() / began.elapsed().as_secs_f64();
    let failed = Metrics::of(&stack, 0).await.sum(FAILED);
    readers.shutdown().await;
    stack.stop().await;
    let most = |samples: &[f64]| percentile(samples, 1.0).unwrap_or_default();
    let values = [runs, most(&running), mean(&relays), most(&relays), mean(&open), most(&open), failed];
    Row::new(format!("{pages} pages"), COLUMNS.into_iter().zip(values))
}
