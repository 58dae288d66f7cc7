//! The steps of a lab's life, counted: so a test can cut an `up` off at each of them, however fast the machine is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

type Watch = Box<dyn Fn(u32) + Send + Sync>;

static WATCH: OnceLock<Watch> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Calls `watch` with the number of each step that this process takes from now on, from 1. Only the first call counts.
pub fn watch_steps(watch: impl Fn(u32) + Send + Sync + 'static) {
    let _ = WATCH.set(Box::new(watch));
}

/// Something is about to be made, or a program has begun or ended.
pub(crate) fn step() {
    if let Some(watch) = WATCH.get() {
        watch(COUNT.fetch_add(1, Ordering::SeqCst) + 1);
    }
}
