//! The metrics of an instance of the service, from `/metrics`.

use e2e::{Stack, http};

pub(crate) struct ServiceMetrics(String);

impl ServiceMetrics {
    pub(crate) async fn fetch(stack: &Stack, instance: usize) -> Self {
        let url = format!("http://{}/metrics", stack.backend.address(instance));
        let response = http().get(url).send().await.expect("the service answers");
        Self(response.text().await.expect("the service answers"))
    }

    /// The sum of a metric's values over all labels.
    pub(crate) fn sum(&self, metric: &str) -> f64 {
        let matches = |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values = self.0.lines().filter(matches).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceMetrics;

    #[test]
    fn sums_one_metric_only() {
        let text = "# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} 3\na_total 7\nab 11\n# EOF\n";
        let metrics = ServiceMetrics(text.into());
        assert_eq!((metrics.sum("a"), metrics.sum("a_total")), (5.0, 7.0));
    }
}
