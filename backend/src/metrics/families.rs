//! Registers families: with a name, a sentence on what is counted and in what unit, and every value of a label at zero from the
//! start, because a rate needs to see the first of anything.

use super::labels::Word;
use super::process::Process;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::borrow::Cow;

/// What all of this service's names begin with.
const PREFIX: &str = "termgate";

/// A label and its value.
pub(super) type Label = (&'static str, Cow<'static, str>);

/// One family, as it stands in the documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its whole name, without what the format appends to it (`_total`, `_bucket`).
    pub name: String,
    /// What it counts, and in what unit.
    pub help: &'static str,
}

/// One metric for each value of one label.
#[derive(Debug)]
pub struct Each<K, M> {
    all: Vec<(K, M)>,
    /// Counts for a value that its list lacks, and is not shown.
    spare: M,
}

impl<K: Word, M> Each<K, M> {
    /// The one for this value.
    pub fn of(&self, key: K) -> &M {
        self.all.iter().find(|(known, _)| *known == key).map_or(&self.spare, |(_, metric)| metric)
    }
}

/// Families that are being registered.
#[derive(Debug, Default)]
pub(super) struct Families {
    registry: Registry,
    described: Vec<Described>,
}

impl Families {
    /// Registers anything.
    pub(super) fn add<M: Metric + Clone>(
        &mut self,
        name: &str,
        unit: Option<Unit>,
        help: &'static str,
        metric: M,
    ) -> M {
        let suffix = unit.as_ref().map_or_else(String::new, |unit| format!("_{}", unit.as_str()));
        self.described.push(Described { name: format!("{PREFIX}_{name}{suffix}"), help });
        let name = format!("{PREFIX}_{name}");
        match unit {
            Some(unit) => self.registry.register_with_unit(name, help, unit, metric.clone()),
            None => self.registry.register(name, help, metric.clone()),
        }
        metric
    }

    /// A count of things.
    pub(super) fn counter(&mut self, name: &str, help: &'static str) -> Counter {
        self.add(name, None, help, Counter::default())
    }

    /// A count of bytes.
    pub(super) fn bytes(&mut self, name: &str, help: &'static str) -> Counter {
        self.add(name, Some(Unit::Bytes), help, Counter::default())
    }

    /// How many there are.
    pub(super) fn gauge(&mut self, name: &str, help: &'static str) -> Gauge {
        self.add(name, None, help, Gauge::default())
    }

    /// Durations in seconds.
    pub(super) fn seconds(&mut self, name: &str, help: &'static str, buckets: &'static [f64]) -> Histogram {
        self.add(name, Some(Unit::Seconds), help, Histogram::new(buckets.iter().copied()))
    }

    /// One metric for each value of a label.
    pub(super) fn each<K: Word, M>(
        &mut self,
        name: &str,
        label: &'static str,
        unit: Option<Unit>,
        help: &'static str,
    ) -> Each<K, M>
    where
        M: Default + Clone + TypedMetric,
        Family<[Label; 1], M>: Metric,
    {
        self.each_of(name, label, unit, help, M::default)
    }

    /// The same, of metrics that are made like this.
    pub(super) fn each_of<K: Word, M>(
        &mut self,
        name: &str,
        label: &'static str,
        unit: Option<Unit>,
        help: &'static str,
        make: fn() -> M,
    ) -> Each<K, M>
    where
        M: Clone + TypedMetric,
        Family<[Label; 1], M>: Metric,
    {
        let family = self.add(name, unit, help, Family::<[Label; 1], M>::new_with_constructor(make));
        let all = K::ALL.iter().map(|key| (*key, family.get_or_create_owned(&[(label, key.word())])));
        Each { all: all.collect(), spare: make() }
    }

    /// Something that never changes.
    pub(super) fn info(&mut self, name: &str, help: &'static str, labels: [Label; 1]) {
        self.described.push(Described { name: format!("{PREFIX}_{name}"), help });
        self.registry.register(format!("{PREFIX}_{name}"), help, Info::new(labels));
    }

    /// Adds what is known of the process; nothing more can be added.
    pub(super) fn finish(mut self, started_at: u64) -> (Registry, Vec<Described>) {
        let process = Process { started_at };
        self.described.extend(Process::described());
        self.registry.register_collector(Box::new(process));
        (self.registry, self.described)
    }
}
