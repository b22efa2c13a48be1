//! How a plan is written: `reorder=0.2,in.lose=0.02,delay=0..50,cut-every=200`. One table of names, so that the error for an
//! unknown one can list them all.

use super::plan::{Cut, DurationRange, FaultPlan, MessagePlan};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Longest time that a fault may take: more is a typing error.
const LONGEST: Duration = Duration::from_secs(60);

/// What is wrong with a written plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such name.
    #[error("there is no fault `{0}`; there are: {names}", names = NAMES.join(", "))]
    Unknown(String),
    /// A name that is not about messages, with `in.` or `out.`.
    #[error("`{0}` has no direction; only reorder, repeat, lose and delay do")]
    NoDirection(String),
    /// A value that cannot be used.
    #[error("`{name}={value}` is not usable: it takes {wanted}")]
    Value {
        /// Of which fault.
        name: String,
        /// What was written.
        value: String,
        /// What could be.
        wanted: &'static str,
    },
}

/// Every name, in the order in which a plan is printed.
const NAMES: [&str; 20] = [
    "reorder",
    "repeat",
    "lose",
    "delay",
    "slow",
    "throttle",
    "rate",
    "gone",
    "gone-delivered",
    "fail",
    "fail-delivered",
    "cut-every",
    "cut",
    "cut-with",
    "refuse",
    "silent",
    "one-at-a-time",
    "kill",
    "kill-within",
    "cold",
];

/// What there is and what it takes, for `--help`.
pub const FAULTS_HELP: &str = "\
Faults, as a list of NAME=VALUE with commas. P is a probability from 0 to 1, MS a number of milliseconds or MIN..MAX.

messages; `in.` (from the client) or `out.` (to it) in front of the name means only that way:
  reorder=P          it is held until one to four later ones have overtaken it, at most 250 ms
  repeat=P           it arrives twice
  lose=P             it never arrives
  delay=MS           it is late
posts to @connections:
  slow=MS            every answer takes so long
  throttle=P         429, not delivered
  rate=N             429 beyond N a second for one connection
  gone=P             410 although the client is there, not delivered
  gone-delivered=P   410 although delivered
  fail=P             500, not delivered
  fail-delivered=P   500 although delivered
connections:
  cut-every=N        cut at the Nth message, counted both ways
  cut=P              cut at a message
  cut-with=HOW       abort (the client sees 1006), close (1001), or either, which is the default
  refuse=P           the handshake gets 429
  silent=P           no $disconnect is invoked
  one-at-a-time      a connection's next message waits until the invocation for the one before has ended
the function:
  kill=P             the invocation is killed in mid-flight
  kill-within=MS     counted from its beginning; 0..1000 if not given
  cold=MS            an invocation that finds no warm process waits

`none` is the plan with no faults.";

impl FromStr for FaultPlan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut plan = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "none") {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            plan.set(name.trim(), value.trim())?;
        }
        Ok(plan)
    }
}

impl FaultPlan {
    fn set(&mut self, name: &str, value: &str) -> Result<(), FaultError> {
        let (ways, bare): (Vec<&mut MessagePlan>, &str) = match name.split_once('.') {
            Some(("in", bare)) => (vec![&mut self.inbound], bare),
            Some(("out", bare)) => (vec![&mut self.outbound], bare),
            _ => (vec![&mut self.inbound, &mut self.outbound], name),
        };
        let value = Value { name, value };
        match bare {
            "reorder" => return value.chance().map(|chance| ways.into_iter().for_each(|way| way.reorder = chance)),
            "repeat" => return value.chance().map(|chance| ways.into_iter().for_each(|way| way.repeat = chance)),
            "lose" => return value.chance().map(|chance| ways.into_iter().for_each(|way| way.lose = chance)),
            "delay" => return value.span().map(|span| ways.into_iter().for_each(|way| way.delay = span)),
            _ if bare != name && Self::default().set(bare, value.value).is_ok() => {
                return Err(FaultError::NoDirection(bare.to_owned()));
            }
            _ => {}
        }
        let (posts, connections, function) = (&mut self.posts, &mut self.connections, &mut self.function);
        match name {
            "slow" => posts.slow = value.span()?,
            "throttle" => posts.throttle = value.chance()?,
            "rate" => posts.rate = Some(value.number()?),
            "gone" => posts.gone = value.chance()?,
            "gone-delivered" => posts.gone_delivered = value.chance()?,
            "fail" => posts.fail = value.chance()?,
            "fail-delivered" => posts.fail_delivered = value.chance()?,
            "cut-every" => connections.cut_every = Some(value.number()?),
            "cut" => connections.cut = value.chance()?,
            "cut-with" => connections.cut_with = value.cut()?,
            "refuse" => connections.refuse = value.chance()?,
            "silent" => connections.silent = value.chance()?,
            "one-at-a-time" => connections.one_at_a_time = value.switch()?,
            "kill" => function.kill = value.chance()?,
            "kill-within" => function.kill_within = value.span()?,
            "cold" => function.cold = value.span()?,
            _ => return Err(FaultError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

struct Value<'a> {
    name: &'a str,
    value: &'a str,
}

impl Value<'_> {
    fn wrong(&self, wanted: &'static str) -> FaultError {
        FaultError::Value { name: self.name.to_owned(), value: self.value.to_owned(), wanted }
    }

    fn chance(&self) -> Result<f64, FaultError> {
        let chance = self.value.parse::<f64>().ok().filter(|chance| (0.0..=1.0).contains(chance));
        chance.ok_or_else(|| self.wrong("a probability from 0 to 1"))
    }

    fn number<N: FromStr>(&self) -> Result<N, FaultError> {
        self.value.parse().map_err(|_| self.wrong("a number from 1 on"))
    }

    fn switch(&self) -> Result<bool, FaultError> {
        match self.value {
            "" | "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(self.wrong("nothing, on or off")),
        }
    }

    fn cut(&self) -> Result<Option<Cut>, FaultError> {
        match self.value {
            "abort" => Ok(Some(Cut::Abort)),
            "close" => Ok(Some(Cut::Close)),
            "either" => Ok(None),
            _ => Err(self.wrong("abort, close or either")),
        }
    }

    fn span(&self) -> Result<DurationRange, FaultError> {
        let (min, max) = self.value.split_once("..").unwrap_or((self.value, self.value));
        let ms = |text: &str| text.parse().ok().map(Duration::from_millis);
        let span = ms(min).zip(ms(max)).map(|(min, max)| DurationRange { min, max });
        let usable = span.filter(|span| span.min <= span.max && span.max <= LONGEST);
        usable.ok_or_else(|| self.wrong("milliseconds, or MIN..MAX of them, up to a minute"))
    }
}

impl fmt::Display for DurationRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min.as_millis(), self.max.as_millis())
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inbound, outbound, posts, connections, function } = self;
        let mut parts = Vec::new();
        let mut part = |name: &str, value: String, nothing: bool| {
            if !nothing {
                parts.push(format!("{name}={value}"));
            }
        };
        let chance = |chance: f64| (chance.to_string(), chance == 0.0);
        let span = |span: DurationRange| (span.to_string(), span == DurationRange::default());
        let way = |way: &MessagePlan| [chance(way.reorder), chance(way.repeat), chance(way.lose), span(way.delay)];
        let names = ["reorder", "repeat", "lose", "delay"];
        for ((name, inbound), outbound) in names.into_iter().zip(way(inbound)).zip(way(outbound)) {
            if inbound == outbound {
                part(name, inbound.0, inbound.1);
            } else {
                part(&format!("in.{name}"), inbound.0, inbound.1);
                part(&format!("out.{name}"), outbound.0, outbound.1);
            }
        }
        let number = |number: Option<u64>| (number.unwrap_or_default().to_string(), number.is_none());
        let how = match connections.cut_with {
            None => "either",
            Some(Cut::Abort) => "abort",
            Some(Cut::Close) => "close",
        };
        let rest = [
            ("slow", span(posts.slow)),
            ("throttle", chance(posts.throttle)),
            ("rate", number(posts.rate.map(|rate| rate.get().into()))),
            ("gone", chance(posts.gone)),
            ("gone-delivered", chance(posts.gone_delivered)),
            ("fail", chance(posts.fail)),
            ("fail-delivered", chance(posts.fail_delivered)),
            ("cut-every", number(connections.cut_every.map(Into::into))),
            ("cut", chance(connections.cut)),
            ("cut-with", (how.to_owned(), connections.cut_with.is_none())),
            ("refuse", chance(connections.refuse)),
            ("silent", chance(connections.silent)),
            ("one-at-a-time", ("on".to_owned(), !connections.one_at_a_time)),
            ("kill", chance(function.kill)),
            ("kill-within", span(function.kill_within)),
            ("cold", span(function.cold)),
        ];
        for (name, (value, nothing)) in rest {
            part(name, value, nothing);
        }
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
    fn what_is_written_is_what_is_printed() {
        let all = "reorder=0.2,in.repeat=0.05,out.repeat=0.5,lose=0.02,delay=0..50,slow=15..15,throttle=0.1,rate=50,\
                   gone=0.01,gone-delivered=0.02,fail=0.03,fail-delivered=0.04,cut-every=200,cut=0.001,cut-with=abort,\
                   refuse=0.1,silent=0.5,one-at-a-time=on,kill=0.02,kill-within=0..300,cold=200..200";
        assert_eq!(all.parse::<FaultPlan>().unwrap().to_string(), all);
        for nothing in ["", "none", " , ", "lose=0", "one-at-a-time=off"] {
            assert_eq!(nothing.parse::<FaultPlan>().unwrap(), FaultPlan::default(), "{nothing}");
        }
        assert_eq!(FaultPlan::default().to_string(), "none");
    }

    #[test]
    fn short_spellings_mean_the_obvious() {
        let plan: FaultPlan = "slow=15, one-at-a-time ,lose=0.5,out.lose=0".parse().unwrap();
        assert_eq!(plan.posts.slow, DurationRange::exactly(Duration::from_millis(15)));
        assert!(plan.connections.one_at_a_time);
        assert_eq!((plan.inbound.lose, plan.outbound.lose), (0.5, 0.0));
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
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
        for name in NAMES {
            assert!(FAULTS_HELP.contains(&format!("\n  {name}")), "{name}");
        }
    }
}
