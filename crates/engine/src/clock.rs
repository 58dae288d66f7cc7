//! Time and chance, as seams: a simulation brings its own.

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// Gives random values.
pub trait Entropy: Send + Sync + 'static {
    /// 128 random bits.
    fn draw(&self) -> u128;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The kernel's random source.
#[derive(Debug)]
pub struct SystemEntropy(std::fs::File);

impl SystemEntropy {
    /// Opens `/dev/urandom`.
    ///
    /// # Errors
    /// The system has none, or no file descriptor is left.
    pub fn open() -> std::io::Result<Self> {
        std::fs::File::open("/dev/urandom").map(Self)
    }
}

impl Entropy for SystemEntropy {
    fn draw(&self) -> u128 {
        let mut bytes = [0; 16];
        (&self.0)
            .read_exact(&mut bytes)
            .expect("the kernel's random source, once open, always answers");
        u128::from_ne_bytes(bytes)
    }
}
