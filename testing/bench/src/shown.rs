//! What an instance of the service says of itself at `/metrics`.

use e2e::{Stack, http};

/// The values of one moment.
pub(crate) struct Shown(String);

impl Shown {
    /// Asks one instance.
    pub(crate) async fn by(stack: &Stack, instance: usize) -> Self {
        let url = format!("http://{}/metrics", stack.backend.address(instance));
        let answer = http().get(url).send().await.expect("the service answers");
        Self(answer.text().await.expect("the service answers"))
    }

    /// The sum of one family's values, over all its labels.
    pub(crate) fn sum(&self, family: &str) -> f64 {
        let of_family = |line: &&str| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values = self.0.lines().filter(of_family).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn a_family_is_summed_and_its_neighbour_is_not() {
        let text = "# TYPE a gauge\na{x=\"1\"} 2\na{x=\"2\"} 3\na_total 7\nab 11\n# EOF\n";
        assert_eq!((Shown(text.into()).sum("a"), Shown(text.into()).sum("a_total")), (5.0, 7.0));
    }
}
