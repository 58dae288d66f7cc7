//! The numbers of docs/benchmarks.md: `make bench`, or one part with
//! `cargo bench -p mortar-cli --bench mortar -- PART` where PART is `lab`, `csi`, `scale`, `heketi`, `check` or `recover`;
//! `make bench-lvm` for `thin`, which needs device-mapper.
//!
//! Nothing is asserted: machines are shared and noisy. What is compared runs side by side, in turns, in one run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints its results and ends at the first trouble"
)]

mod check;
mod client;
mod csi;
mod drain;
mod floor;
mod ground;
mod heketi;
mod lab;
mod numbers;
mod recover;
mod scale;
mod server;
mod thin;

fn main() {
    // Cargo passes --bench; what is left names the parts.
    let parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    numbers::machine();
    if wanted("scale") {
        scale::run();
    }
    if wanted("heketi") {
        heketi::run();
    }
    if wanted("lab") {
        lab::run();
    }
    if wanted("csi") {
        csi::run();
    }
    if wanted("check") {
        check::run();
    }
    if wanted("recover") {
        recover::run();
    }
    // Only by its name: few machines have what it needs.
    if parts.iter().any(|part| part == "thin") {
        thin::run();
    }
    if parts.iter().any(|part| part == "drain") {
        drain::run();
    }
}
