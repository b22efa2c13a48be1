//! Metrics of the service, as Prometheus reads them.

use e2e::{METRICS_TOKEN, Stack, http};

/// The metrics of one instance at one moment.
pub(crate) struct Metrics(String);

impl Metrics {
    pub(crate) async fn of(stack: &Stack, instance: usize) -> Self {
        let url = format!("http://{}/metrics", stack.backend.address(instance));
        let answer = http().get(url).bearer_auth(METRICS_TOKEN).send().await.expect("the service answers");
        Self(answer.text().await.expect("the service answers"))
    }

    /// The sum of a metric's values over all labels.
    pub(crate) fn sum(&self, metric: &str) -> f64 {
        let matches = |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' ']));
        self.0.lines().filter(matches).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn sums_one_metric_only() {
        let metrics = Metrics("# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} 3\na_total 7\nab 11\n# EOF\n".to_owned());
        assert_eq!((metrics.sum("a"), metrics.sum("a_total")), (5.0, 7.0));
    }
}
