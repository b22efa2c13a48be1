//! What was found, as tables for people and as JSON for whoever compares two machines or two commits.

use crate::stats::percentile;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Peers, the first that is there being what the others are compared with, and the name of the column that does.
const PEERS: [(&str, &str); 3] = [("ttyd", "× ttyd"), ("terminado", "× terminado"), ("wetty", "× wetty")];

/// One subject's numbers for one figure.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) subject: String,
    /// By name of the column, in the figure's unit.
    pub(crate) values: BTreeMap<&'static str, f64>,
}

/// One figure of all subjects.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) figure: &'static str,
    pub(crate) unit: &'static str,
    /// In the order in which they are shown.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// What was measured of each subject, as percentiles: the columns are names with the share of the values that lies below.
    pub(crate) fn of_percentiles(
        (figure, unit): (&'static str, &'static str),
        columns: &[(&'static str, f64)],
        measured: impl IntoIterator<Item = (String, Vec<f64>)>,
    ) -> Self {
        let rows = measured.into_iter().map(|(subject, found)| {
            let values = columns.iter().filter_map(|(name, share)| Some((*name, percentile(&found, *share)?)));
            Row { subject, values: values.collect() }
        });
        let rows = rows.collect();
        Self { figure, unit, columns: columns.iter().map(|(name, _)| *name).collect(), rows }
    }

    /// With the ratio of this column's values to that of a peer in the same run, where there is a peer.
    pub(crate) fn compared(self, column: &'static str) -> Self {
        let row_of = |peer| self.rows.iter().position(|row| row.subject == peer);
        match PEERS.into_iter().find_map(|(peer, name)| Some((name, row_of(peer)?))) {
            Some((name, measure)) => self.beside(name, column, |_| measure),
            None => self,
        }
    }

    /// With one more column of this name: the ratio of this column's values to that of another row, which is found by each row's number.
    pub(crate) fn beside(mut self, name: &'static str, column: &str, measure: impl Fn(usize) -> usize) -> Self {
        let values: Vec<Option<f64>> = self.rows.iter().map(|row| row.values.get(column).copied()).collect();
        for (number, row) in self.rows.iter_mut().enumerate() {
            let ratio = values[number].zip(values[measure(number)]).map(|(value, measure)| value / measure);
            row.values.extend(ratio.map(|ratio| (name, ratio)));
        }
        self.columns.push(name);
        self
    }
}

/// On what it was measured.
#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    commit: String,
    /// Seconds since 1970.
    at: u64,
    tables: Vec<Table>,
}

impl Report {
    pub(crate) fn new() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let machine = Machine {
            processor: model.map_or("unknown", |(_, model)| model).to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: said("uname", &["-r"]),
        };
        #[expect(clippy::disallowed_methods, reason = "when it was measured")]
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { machine, commit: said("git", &["rev-parse", "--short", "HEAD"]), at, tables: Vec::new() }
    }

    pub(crate) fn add(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// For people, in Markdown.
    pub(crate) fn tables(&self) -> String {
        let Machine { processor, processors, kernel } = &self.machine;
        let mut text = format!("{processor}, {processors} processors, Linux {kernel}; commit {}\n", self.commit);
        for Table { figure, unit, columns, rows } in &self.tables {
            // Writing into a text does not fail.
            let _ = writeln!(text, "\n| {figure} ({unit}) | {} |", columns.join(" | "));
            let _ = writeln!(text, "|---|{}", "---|".repeat(columns.len()));
            for row in rows {
                let values =
                    columns.iter().map(|column| row.values.get(column).map_or("–".into(), |value| short(*value)));
                let _ = writeln!(text, "| {} | {} |", row.subject, values.collect::<Vec<_>>().join(" | "));
            }
        }
        text
    }

    /// For machines.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(self)?)
    }
}

/// Three digits that mean something.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        some if some >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn table(subjects: &[(&str, f64)]) -> Table {
        let measured = subjects.iter().map(|(subject, value)| ((*subject).to_owned(), vec![*value]));
        Table::of_percentiles(("echo", "ms"), &[("p50", 0.5)], measured).compared("p50")
    }

    #[test]
    fn the_first_peer_that_is_there_is_the_measure() {
        let table = table(&[("Termgate", 0.5), ("wetty", 4.0), ("terminado", 0.25)]);
        assert_eq!(table.columns, ["p50", "× terminado"]);
        let ratios: Vec<_> = table.rows.iter().map(|row| row.values["× terminado"]).collect();
        assert_eq!(ratios, [2.0, 16.0, 1.0]);
    }

    #[test]
    fn without_a_peer_there_is_no_measure() {
        assert_eq!(table(&[("Termgate", 0.5)]).columns, ["p50"]);
    }
}
