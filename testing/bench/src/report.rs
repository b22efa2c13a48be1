//! Results as Markdown tables, and as JSON to compare machines or commits.

use crate::stats::percentile;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Peers and the column of ratios to each; the first installed one is the reference.
const PEERS: [(&str, &str); 3] = [("ttyd", "× ttyd"), ("terminado", "× terminado"), ("wetty", "× wetty")];

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) subject: String,
    /// By column, in the figure's unit.
    pub(crate) values: BTreeMap<&'static str, f64>,
}

impl Row {
    pub(crate) fn new(subject: impl Into<String>, values: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        Self { subject: subject.into(), values: values.into_iter().collect() }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) figure: &'static str,
    pub(crate) unit: &'static str,
    /// In display order.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// Percentiles of each subject's samples; a column is a name and a rank from 0 to 1.
    pub(crate) fn of_percentiles(
        (figure, unit): (&'static str, &'static str),
        columns: &[(&'static str, f64)],
        measured: impl IntoIterator<Item = (String, Vec<f64>)>,
    ) -> Self {
        let rows = measured.into_iter().map(|(subject, found)| {
            let values = columns.iter().filter_map(|(name, share)| Some((*name, percentile(&found, *share)?)));
            Row::new(subject, values)
        });
        let rows = rows.collect();
        Self { figure, unit, columns: columns.iter().map(|(name, _)| *name).collect(), rows }
    }

    /// Adds the ratio of this column to the reference peer's in the same run, if there is a peer.
    pub(crate) fn relative_to_peer(self, column: &'static str) -> Self {
        let row_of = |peer| self.rows.iter().position(|row| row.subject == peer);
        match PEERS.into_iter().find_map(|(peer, name)| Some((name, row_of(peer)?))) {
            Some((name, reference)) => self.with_ratio(name, column, |_| reference),
            None => self,
        }
    }

    /// Adds a column `name`: the ratio of `column` to that of another row, which `reference` maps each row's number to.
    pub(crate) fn with_ratio(mut self, name: &'static str, column: &str, reference: impl Fn(usize) -> usize) -> Self {
        let values: Vec<Option<f64>> = self.rows.iter().map(|row| row.values.get(column).copied()).collect();
        for (number, row) in self.rows.iter_mut().enumerate() {
            let ratio = values[number].zip(values[reference(number)]).map(|(value, reference)| value / reference);
            row.values.extend(ratio.filter(|ratio| ratio.is_finite()).map(|ratio| (name, ratio)));
        }
        self.columns.push(name);
        self
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { figure, unit, columns, rows } = self;
        writeln!(f, "| {figure} ({unit}) | {} |", columns.join(" | "))?;
        write!(f, "|---|{}", "---|".repeat(columns.len()))?;
        for row in rows {
            let values =
                columns.iter().map(|column| row.values.get(column).map_or("–".into(), |value| short(*value)));
            write!(f, "\n| {} | {} |", row.subject, values.collect::<Vec<_>>().join(" | "))?;
        }
        Ok(())
    }
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    commit: String,
    /// Seconds since 1970.
    at: u64,
    /// Other programs at the start, if they use the machine.
    warning: Option<String>,
    tables: Vec<Table>,
}

impl Report {
    pub(crate) fn new(warning: Option<String>) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let machine = Machine {
            processor: model.map_or("unknown", |(_, model)| model).to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: output_of("uname", &["-r"]),
        };
        #[expect(clippy::disallowed_methods, reason = "the date of the run")]
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { machine, commit: output_of("git", &["rev-parse", "--short", "HEAD"]), at, warning, tables: Vec::new() }
    }

    /// The machine, and other programs that use it.
    pub(crate) fn heading(&self) -> String {
        let Machine { processor, processors, kernel } = &self.machine;
        let heading = format!("{processor}, {processors} processors, Linux {kernel}; commit {}", self.commit);
        self.warning.iter().fold(heading, |heading, warning| format!("{heading}\n\n{warning}"))
    }

    /// Prints the table at once, because a run takes long.
    pub(crate) fn add(&mut self, table: Table) {
        println!("\n{table}");
        self.tables.push(table);
    }

    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(self)?)
    }
}

/// Formats with three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        some if some >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn table(subjects: &[(&str, f64)]) -> Table {
        let measured = subjects.iter().map(|(subject, value)| ((*subject).to_owned(), vec![*value]));
        Table::of_percentiles(("echo", "ms"), &[("p50", 0.5)], measured).relative_to_peer("p50")
    }

    #[test]
    fn the_first_installed_peer_is_the_reference() {
        let table = table(&[("Termgate", 0.5), ("wetty", 4.0), ("terminado", 0.25)]);
        assert_eq!(table.columns, ["p50", "× terminado"]);
        let ratios: Vec<_> = table.rows.iter().map(|row| row.values["× terminado"]).collect();
        assert_eq!(ratios, [2.0, 16.0, 1.0]);
    }

    #[test]
    fn a_ratio_to_nothing_is_left_out() {
        let table = table(&[("idle", 0.0), ("busy", 2.0)]).with_ratio("× idle", "p50", |_| 0);
        assert!(table.rows.iter().all(|row| !row.values.contains_key("× idle")));
    }

    #[test]
    fn without_a_peer_there_is_no_ratio() {
        assert_eq!(table(&[("Termgate", 0.5)]).columns, ["p50"]);
    }
}
