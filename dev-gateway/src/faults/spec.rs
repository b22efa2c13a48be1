//! A plan as text: `reorder=0.2,in.lose=0.02,delay=0..50,cut-every=200`. One table names the plan's fields, for
//! parsing, printing and the list of names in an error.

use super::plan::{Cut, DurationRange, FaultPlan};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

/// Longest duration of a fault.
const MAX_DURATION: Duration = Duration::from_secs(60);

/// A mistake in a plan's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// An unknown name.
    #[error("there is no fault `{0}`; there are: {names}", names = names().join(", "))]
    Unknown(String),
    /// `in.` or `out.` before a name that is not about messages.
    #[error("`{0}` has no direction; only reorder, repeat, lose and delay do")]
    NoDirection(String),
    /// An unusable value.
    #[error("`{name}={value}` is not usable: it takes {expected}")]
    Value {
        /// Name of the fault.
        name: String,
        /// Value as written.
        value: String,
        /// Accepted values.
        expected: &'static str,
    },
}

/// All faults and their values, for `--help`.
pub const FAULTS_HELP: &str = "\
Faults, as a comma-separated list of NAME=VALUE. P is a probability from 0 to 1, MS a number of milliseconds or MIN..MAX.

messages; the prefix `in.` (from the client) or `out.` (to the client) selects one direction:
  reorder=P          held until one to four later messages have overtaken it, at most 250 ms
  repeat=P           arrives twice
  lose=P             never arrives
  delay=MS           arrives late
posts to @connections:
  slow=MS            delay of every answer
  throttle=P         429, not delivered
  throttle-from=N    429 for each post to the Nth connection since the start and to later ones, not delivered
  rate=N             429 beyond N posts per second and connection
  account-throttle=P 429 for every post of every connection for a time, which a post begins; not delivered
  account-throttle-for=MS
                     length of that time; 0..1000 by default
  account-rate=N     429 beyond N posts per second of all connections
  gone=P             410 although the client is connected, not delivered
  gone-delivered=P   410 although delivered
  fail=P             500, not delivered
  fail-delivered=P   500 although delivered
connections:
  cut-every=N        cut at the Nth message, counted in both directions
  cut=P              cut at a message
  cut-with=HOW       abort (the client sees 1006), close (1001), or either, the default
  refuse=P           429 for the handshake
  silent=P           no $disconnect is invoked
  one-at-a-time      a connection's next message waits until the previous one's invocation has ended, or timed out
the function:
  kill=P             the invocation is killed
  kill-within=MS     time of the kill after the start; 0..1000 by default
  cold=MS            delay of an invocation that finds no warm process

`none` is the plan without faults.";

enum Field<'a> {
    Probability(&'a mut f64),
    Duration(&'a mut DurationRange),
    Count(&'a mut Option<NonZeroU64>),
    Cut(&'a mut Option<Cut>),
    Switch(&'a mut bool),
}

/// The fields by name, in printing order. Both directions of a field are neighbours.
fn fields(plan: &mut FaultPlan) -> [(&'static str, Field<'_>); 28] {
    use Field::{Count, Duration, Probability, Switch};
    let FaultPlan { inbound, outbound, posts, connections, function } = plan;
    [
        ("in.reorder", Probability(&mut inbound.reorder)),
        ("out.reorder", Probability(&mut outbound.reorder)),
        ("in.repeat", Probability(&mut inbound.repeat)),
        ("out.repeat", Probability(&mut outbound.repeat)),
        ("in.lose", Probability(&mut inbound.lose)),
        ("out.lose", Probability(&mut outbound.lose)),
        ("in.delay", Duration(&mut inbound.delay)),
        ("out.delay", Duration(&mut outbound.delay)),
        ("slow", Duration(&mut posts.slow)),
        ("throttle", Probability(&mut posts.throttle)),
        ("throttle-from", Count(&mut posts.throttle_from)),
        ("rate", Count(&mut posts.rate)),
        ("account-throttle", Probability(&mut posts.account_throttle)),
        ("account-throttle-for", Duration(&mut posts.account_throttle_for)),
        ("account-rate", Count(&mut posts.account_rate)),
        ("gone", Probability(&mut posts.gone)),
        ("gone-delivered", Probability(&mut posts.gone_delivered)),
        ("fail", Probability(&mut posts.fail)),
        ("fail-delivered", Probability(&mut posts.fail_delivered)),
        ("cut-every", Count(&mut connections.cut_every)),
        ("cut", Probability(&mut connections.cut)),
        ("cut-with", Field::Cut(&mut connections.cut_with)),
        ("refuse", Probability(&mut connections.refuse)),
        ("silent", Probability(&mut connections.silent)),
        ("one-at-a-time", Switch(&mut connections.one_at_a_time)),
        ("kill", Probability(&mut function.kill)),
        ("kill-within", Duration(&mut function.kill_within)),
        ("cold", Duration(&mut function.cold)),
    ]
}

/// The names without a direction.
fn names() -> Vec<&'static str> {
    let mut plan = FaultPlan::default();
    let mut names: Vec<_> = fields(&mut plan).iter().map(|(name, _)| bare(name)).collect();
    names.dedup();
    names
}

fn bare(name: &str) -> &str {
    name.strip_prefix("in.").or_else(|| name.strip_prefix("out.")).unwrap_or(name)
}

impl Field<'_> {
    /// Sets the field, or returns the accepted values.
    fn parse(self, text: &str) -> Result<(), &'static str> {
        match self {
            Self::Probability(field) => {
                let value = text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
                *field = value.ok_or("a probability from 0 to 1")?;
            }
            Self::Duration(field) => {
                let (min, max) = text.split_once("..").unwrap_or((text, text));
                let range = min.parse().ok().zip(max.parse().ok()).map(|(min, max)| DurationRange::millis(min, max));
                let usable = range.filter(|range| range.min <= range.max && range.max <= MAX_DURATION);
                *field = usable.ok_or("milliseconds, or MIN..MAX of them, up to a minute")?;
            }
            Self::Count(field) => *field = Some(text.parse().map_err(|_| "a number from 1 on")?),
            Self::Cut(field) => {
                *field = match text {
                    "abort" => Some(Cut::Abort),
                    "close" => Some(Cut::Close),
                    "either" => None,
                    _ => return Err("abort, close or either"),
                }
            }
            Self::Switch(field) => {
                *field = match text {
                    "" | "on" => true,
                    "off" => false,
                    _ => return Err("nothing, on or off"),
                }
            }
        }
        Ok(())
    }

    /// The field's text; `None` for the default.
    fn print(&self) -> Option<String> {
        match self {
            Self::Probability(value) => (**value != 0.0).then(|| value.to_string()),
            Self::Duration(range) => (**range != DurationRange::default()).then(|| range.to_string()),
            Self::Count(count) => count.map(|count| count.to_string()),
            Self::Cut(cut) => cut.map(|cut| if cut == Cut::Abort { "abort" } else { "close" }.to_owned()),
            Self::Switch(value) => value.then(|| "on".to_owned()),
        }
    }
}

impl FromStr for FaultPlan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut plan = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "none") {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim());
            let mut is_known = false;
            for (_, field) in fields(&mut plan).into_iter().filter(|(full, _)| *full == name || bare(full) == name) {
                is_known = true;
                field.parse(value).map_err(|expected| FaultError::Value {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    expected,
                })?;
            }
            match bare(name) {
                _ if is_known => {}
                bare if names().contains(&bare) => return Err(FaultError::NoDirection(bare.to_owned())),
                _ => return Err(FaultError::Unknown(name.to_owned())),
            }
        }
        Ok(plan)
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plan = self.clone();
        let printed = fields(&mut plan).map(|(name, field)| (name, field.print()));
        let mut parts: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &printed {
            let Some(value) = value else { continue };
            match parts.last_mut() {
                // The same in both directions.
                Some(last)
                    if name.starts_with("out.")
                        && last.0.strip_prefix("in.") == Some(bare(name))
                        && last.1 == value =>
                {
                    last.0 = bare(name);
                }
                _ => parts.push((name, value)),
            }
        }
        let parts: Vec<_> = parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(if parts.is_empty() { "none" } else { "" })?;
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<FaultPlan>().unwrap_err().to_string()
    }

    #[test]
    fn a_printed_plan_parses_to_itself() {
        let all = "reorder=0.2,in.repeat=0.05,out.repeat=0.5,lose=0.02,delay=0..50,slow=15..15,throttle=0.1,throttle-from=7,rate=50,\
                   account-throttle=0.01,account-throttle-for=100..300,account-rate=9000,gone=0.01,gone-delivered=0.02,fail=0.03,fail-delivered=0.04,cut-every=200,cut=0.001,cut-with=abort,\
                   refuse=0.1,silent=0.5,one-at-a-time=on,kill=0.02,kill-within=0..300,cold=200..200";
        assert_eq!(all.parse::<FaultPlan>().unwrap().to_string(), all);
        for nothing in ["", "none", " , ", "lose=0", "one-at-a-time=off"] {
            assert_eq!(nothing.parse::<FaultPlan>().unwrap(), FaultPlan::default(), "{nothing}");
        }
        assert_eq!(FaultPlan::default().to_string(), "none");
    }

    #[test]
    fn accepts_short_forms() {
        let plan: FaultPlan = "slow=15, one-at-a-time ,lose=0.5,out.lose=0".parse().unwrap();
        assert_eq!(plan.posts.slow, DurationRange::exactly(Duration::from_millis(15)));
        assert!(plan.connections.one_at_a_time);
        assert_eq!((plan.inbound.lose, plan.outbound.lose), (0.5, 0.0));
    }

    #[test]
    fn errors_explain_the_mistake() {
        assert!(error("loose=0.1").starts_with("there is no fault `loose`; there are: reorder, repeat, lose, delay,"));
        assert_eq!(error("in.kill=1"), "`kill` has no direction; only reorder, repeat, lose and delay do");
        assert!(error("up.lose=1").starts_with("there is no fault `up.lose`"));
        assert_eq!(error("lose=2"), "`lose=2` is not usable: it takes a probability from 0 to 1");
        assert_eq!(error("out.lose=x"), "`out.lose=x` is not usable: it takes a probability from 0 to 1");
        for bad in ["delay=9..1", "delay=fast", "slow=", "cold=60001", "delay=1..", "delay=-1"] {
            assert!(error(bad).contains("milliseconds"), "{bad}");
        }
        assert!(error("cut-every=0").ends_with("it takes a number from 1 on"));
        assert!(error("cut-with=scissors").ends_with("it takes abort, close or either"));
        assert!(error("lose=NaN").contains("probability"));
    }

    #[test]
    fn help_lists_every_name() {
        for name in names() {
            assert!(FAULTS_HELP.contains(&format!("\n  {name}")), "{name}");
        }
    }
}
