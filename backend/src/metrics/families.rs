//! Registers metric families: each with a name, a help text with its unit, and every value of its label at zero from the start,
//! because a rate needs the first increment.

use super::labels::LabelValue;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Metric, Registry, Unit};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Prefix of every name of this service.
const PREFIX: &str = "termgate";

/// Renamed families, exposed under both names for one release: new name, old name, old label where it differs.
const DEPRECATED: [(&str, &str, Option<&'static str>); 6] = [
    ("auth_failures", "tokens_refused", Some("why")),
    ("errors", "refusals", None),
    ("backpressure_pauses", "hold_backs", None),
    ("retransmissions", "repairs", None),
    ("snapshots", "skips", None),
    ("relay_questions_waiting", "followers_waiting", None),
];

/// Renamed labels of families that keep their name, exposed as both labels for one release: family, old label.
const DEPRECATED_LABELS: [(&str, &str); 1] = [("connections", "door")];

/// A label and its value.
pub(crate) type Label = (&'static str, Cow<'static, str>);

/// One metric for each value of an enum.
#[derive(Debug, Clone)]
pub struct EnumFamily<K, M> {
    /// Names of the label; more than one if the label was renamed. All have the same value.
    labels: Vec<&'static str>,
    metrics: Arc<[(K, M)]>,
    /// Spares [`Self::of`] a panic. No value is missing in `metrics`, so it counts nothing.
    unlisted: M,
}

impl<K: LabelValue, M> EnumFamily<K, M> {
    /// The metric of this value.
    pub fn of(&self, key: K) -> &M {
        self.metrics.iter().find(|(known, _)| *known == key).map_or(&self.unlisted, |(_, metric)| metric)
    }
}

impl<K: LabelValue, M: EncodeMetric + TypedMetric> EncodeMetric for EnumFamily<K, M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (key, metric) in self.metrics.iter() {
            let labels: Vec<Label> = self.labels.iter().map(|label| (*label, key.label_value())).collect();
            metric.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}

/// Collects families while they are registered.
#[derive(Debug, Default)]
pub(super) struct Families {
    pub(super) registry: Registry,
}

impl Families {
    /// Registers any metric, and under its deprecated name too.
    pub(super) fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, unit: Option<Unit>, metric: M) -> M {
        if let Some((_, old, None)) = DEPRECATED.iter().find(|(new, ..)| *new == name) {
            self.register(old, None, &format!("Deprecated alias of {PREFIX}_{name}"), metric.clone());
        }
        self.register(name, unit, help, metric.clone());
        metric
    }

    pub(super) fn register(&mut self, name: &str, unit: Option<Unit>, help: &str, metric: impl Metric) {
        let name = format!("{PREFIX}_{name}");
        match unit {
            Some(unit) => self.registry.register_with_unit(name, help, unit, metric),
            None => self.registry.register(name, help, metric),
        }
    }

    pub(super) fn counter(&mut self, name: &str, help: &str) -> Counter {
        self.add(name, help, None, Counter::default())
    }

    pub(super) fn bytes(&mut self, name: &str, help: &str) -> Counter {
        self.add(name, help, Some(Unit::Bytes), Counter::default())
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        self.add(name, help, None, Gauge::default())
    }

    pub(super) fn seconds(&mut self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.add(name, help, Some(Unit::Seconds), Histogram::new(buckets.iter().copied()))
    }

    /// One metric for each value of a label.
    pub(super) fn enumerate<K, M>(&mut self, name: &str, help: &str, label: &'static str) -> EnumFamily<K, M>
    where
        K: LabelValue,
        M: Metric + Clone + TypedMetric + Default,
    {
        self.enumerate_with(name, help, label, None, M::default)
    }

    /// One metric for each value of a label, each made by a constructor.
    pub(super) fn enumerate_with<K: LabelValue, M: Metric + Clone + TypedMetric>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        unit: Option<Unit>,
        make: fn() -> M,
    ) -> EnumFamily<K, M> {
        let mut labels = vec![label];
        labels.extend(DEPRECATED_LABELS.iter().filter(|(family, _)| *family == name).map(|(_, old)| *old));
        let metrics = K::VARIANTS.iter().map(|key| (*key, make())).collect();
        let family = EnumFamily { labels, metrics, unlisted: make() };
        if let Some((_, old, Some(label))) = DEPRECATED.iter().find(|(new, ..)| *new == name) {
            let alias = EnumFamily { labels: vec![*label], ..family.clone() };
            self.register(old, None, &format!("Deprecated alias of {PREFIX}_{name}"), alias);
        }
        self.add(name, help, unit, family)
    }
}
