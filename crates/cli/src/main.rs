//! The program `mortar`.

fn main() {}
