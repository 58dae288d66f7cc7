//! How often a step is tried, and how long to wait in between.

use std::time::Duration;

/// Bounds on retries. Every wait has a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tries while somebody else holds glusterd's lock or a mount is still busy.
    pub busy_tries: u32,
    /// Tries to learn what became of a step whose node does not answer.
    pub unknown_tries: u32,
    /// Tries of a step that has to succeed because there is no way back, or that is the way back.
    pub stubborn_tries: u32,
    /// First wait; each further one is twice as long.
    pub first_wait: Duration,
    /// Longest wait.
    pub longest_wait: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            busy_tries: 40,
            unknown_tries: 4,
            stubborn_tries: 5,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(3),
        }
    }
}

impl Policy {
    /// How long to wait after so many tries in vain.
    pub fn wait(&self, tries: u32) -> Duration {
        let factor = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Policy;

    #[test]
    fn waits_double_up_to_a_limit() {
        let policy = Policy::default();
        let waits: Vec<u64> = [1, 2, 3, 6, 40, 1000]
            .iter()
            .map(|tries| u64::try_from(policy.wait(*tries).as_millis()).unwrap())
            .collect();
        assert_eq!(waits, [100, 200, 400, 3000, 3000, 3000]);
        assert_eq!(
            Policy {
                first_wait: Duration::ZERO,
                ..policy
            }
            .wait(9),
            Duration::ZERO
        );
    }
}
