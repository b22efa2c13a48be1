//! Order statistics: what a user feels is in the tail, and the median forgives a busy machine.

use std::time::Duration;

/// The value below which this share of them lies, by the nearest rank. None of none.
pub(crate) fn percentile<T: Copy + PartialOrd>(values: &[T], share: f64) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// In milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn the_nearest_rank_counts() {
        let values: Vec<u32> = (1..=100).rev().collect();
        assert_eq!([0.0, 0.5, 0.9, 0.99, 1.0].map(|share| percentile(&values, share)), [1, 50, 90, 99, 100].map(Some));
        assert_eq!(percentile(&[7], 0.5), Some(7));
        assert_eq!(percentile::<u32>(&[], 0.5), None);
    }
}
