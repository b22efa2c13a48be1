//! Times each part on this machine: `make bench-micro`, or `cargo bench -p microbench -- vt` for the parts with this in their
//! names. Criterion compares with the previous run. A release build, so the first one takes minutes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use microbench::PARTS;
use std::time::Duration;

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parts");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(20);
    for part in PARTS {
        let mut work = (part.prepare)();
        if work.bytes > 0 {
            group.throughput(Throughput::Bytes(work.bytes as u64));
        } else {
            group.throughput(Throughput::Elements(1));
        }
        group.bench_function(part.name, |bencher| bencher.iter(&mut work.run));
    }
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);
