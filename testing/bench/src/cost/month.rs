//! Cost of a month of one class: the measured cost of its students' hours, and the price of a service that always runs. By parts,
//! so that a school sees which one to save.

use super::bill::Hour;
use super::prices;
use crate::report::{Row, Table};

/// Students of the class, who share one relay.
pub(super) const STUDENTS: u32 = 20;

/// Hours of typing of each student.
const STUDENT_HOURS: f64 = 40.0;

const MONTH_HOURS: f64 = 730.0;

/// The smallest processor and memory in GB that both platforms offer and that hold the class: 20 sessions take at most 7.4 MB
/// each, and their programs have 800 MB.
const PROCESSORS: f64 = 0.25;
const GB: f64 = 1.0;

/// Public addresses of one task and of a load balancer in two zones.
const ADDRESSES: f64 = 3.0;

/// Metrics that `template.yaml`'s alarms watch, and metrics of the function.
const ALARM_METRICS: f64 = 17.0;
const CUSTOM_METRICS: f64 = 9.0;

/// JWT_SECRET and GATEWAY_SECRET.
const SECRETS: f64 = 2.0;

/// A way to run the service.
struct Platform {
    name: &'static str,
    /// Processors and memory.
    compute: f64,
    /// Load balancer and public addresses.
    network: f64,
    cache: f64,
}

/// Ways to run the service, by `deploy/apprunner.yaml` and `deploy/ecs-express.yaml`.
fn platforms() -> [Platform; 4] {
    let app_runner =
        |active| MONTH_HOURS * GB * prices::APP_RUNNER_GB_HOUR + active * PROCESSORS * prices::APP_RUNNER_CPU_HOUR;
    let ecs = |name, cpu, gb| Platform {
        name,
        compute: MONTH_HOURS * (PROCESSORS * cpu + GB * gb),
        network: MONTH_HOURS * (prices::LOAD_BALANCER_HOUR + ADDRESSES * prices::ADDRESS_HOUR),
        cache: MONTH_HOURS * prices::CACHE_HOUR,
    };
    let alone = |name, compute| Platform { name, compute, network: 0.0, cache: 0.0 };
    [
        // An instance that only waits costs its memory.
        alone("App Runner, all students in the same hours", app_runner(STUDENT_HOURS)),
        alone("App Runner, a student at every hour", app_runner(MONTH_HOURS)),
        ecs("ECS Express Mode, x86", prices::FARGATE_CPU_HOUR, prices::FARGATE_GB_HOUR),
        ecs("ECS, arm64", prices::FARGATE_ARM_CPU_HOUR, prices::FARGATE_ARM_GB_HOUR),
    ]
}

/// The month, from a measured typing hour of each student.
pub(super) fn table(hour: &Hour) -> Table {
    let rows = platforms().map(|platform| {
        let students = f64::from(STUDENTS) * STUDENT_HOURS;
        let used = hour.parts().map(|(name, dollars)| (name, dollars * students));
        let watching = ALARM_METRICS * prices::ALARM_METRIC + CUSTOM_METRICS * prices::CUSTOM_METRIC;
        let fixed = [
            ("compute", platform.compute),
            ("balancer, addresses", platform.network),
            ("cache", platform.cache),
            ("alarms, metrics", watching),
            ("secrets", SECRETS * prices::SECRET),
        ];
        let parts: Vec<_> = fixed.into_iter().chain(used).collect();
        let all = parts.iter().map(|(_, dollars)| dollars).sum();
        Row::new(platform.name, parts.into_iter().chain([("all", all)]))
    });
    let columns = [
        "compute",
        "balancer, addresses",
        "cache",
        "API Gateway",
        "Lambda",
        "DynamoDB",
        "data out",
        "logs",
        "alarms, metrics",
        "secrets",
        "all",
    ];
    let figure = "a month of 20 students who each type for 40 hours, 0.25 processors and 1 GB";
    Table { figure, unit: "$", columns: columns.to_vec(), rows: rows.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dev_gateway::Usage;
    use std::time::Duration;

    #[test]
    fn the_parts_are_all_of_it() {
        let used = Usage { messages_in: 6000, messages_out: 6000, invocations: 6000, ..Usage::default() };
        let table = table(&Hour::of(&used, Duration::from_secs(3600)));
        for row in &table.rows {
            assert_eq!(row.values.len(), table.columns.len(), "{}", row.subject);
            let parts: f64 = row.values.iter().filter(|(name, _)| **name != "all").map(|(_, dollars)| dollars).sum();
            assert!((parts - row.values["all"]).abs() < 1e-9, "{}", row.subject);
        }
        // 730 × 0.007 + 40 × 0.25 × 0.064.
        assert!((table.rows[0].values["compute"] - 5.75).abs() < 1e-9);
    }

    #[test]
    fn all_alarms_and_metrics_are_counted() {
        let template = include_str!("../../../../template.yaml");
        let alone = template.lines().filter(|line| line.starts_with("      MetricName: ")).count();
        assert_eq!(alone + template.matches("MetricStat:").count(), ALARM_METRICS as usize);
        let metrics = include_str!("../../../../gateway-lambda/src/metrics.rs");
        assert!(metrics.contains(&format!("const METRICS: [(&str, &str); {CUSTOM_METRICS}]")));
    }
}
