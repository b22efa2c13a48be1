//! The Lambda function's binary.

fn main() {}
