//! Bugs in Mortar: told with their trace, counted, and kept to what met them.

use std::any::Any;
use std::backtrace::Backtrace;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::FutureExt as _;
use tracing::Instrument as _;

use crate::drive::rest_or_halt;
use crate::engine::Inner;

/// Wait before a background task that panicked begins anew.
const PAUSE: Duration = Duration::from_secs(1);

/// From now on a panic anywhere in the program is one event of the log, with its place and its trace, within the span
/// in which it came: that of its operation or request. What it hurts is for those to say who catch it.
pub fn log_panics() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    // Taken always: who runs a server does not know beforehand that a trace will be wanted.
    let backtrace = Backtrace::force_capture();
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(reason = words(panic.payload()), %at, %backtrace, "panicked");
}

fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

/// Runs a background task that ends only with the engine: one that panics begins anew.
pub(crate) fn keep<F>(
    inner: &Arc<Inner>,
    name: &'static str,
    task: impl Fn(Weak<Inner>) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let engine = Arc::downgrade(inner);
    let kept = async move {
        while AssertUnwindSafe(task(Weak::clone(&engine)))
            .catch_unwind()
            .await
            .is_err()
        {
            let Some(inner) = engine.upgrade() else { return };
            inner.metrics.panicked("task");
            tracing::error!("a bug in Mortar ended a background task; it begins anew");
            if rest_or_halt(inner, PAUSE).await {
                return;
            }
        }
    };
    tokio::spawn(kept.instrument(tracing::info_span!("task", task = name)));
}
