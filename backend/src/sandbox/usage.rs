//! Quotas of sandboxes. The kernel limits processes but not users, so usage is measured and enforced here.

mod disk;
mod file_sizes;
mod monitor;
mod sample;
mod status;

pub(super) use monitor::UsageMonitor;
pub(super) use status::QuotaStatus;
