//! A real Redis for tests: a `redis-server` process without persistence, which tests can kill, freeze and restart.

mod options;
mod server;
mod tls_files;

pub use options::RedisOptions;
pub use server::RedisServer;
