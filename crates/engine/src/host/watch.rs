//! What happened to a machine between two looks, as a rank reports it.

use std::path::Path;

use super::HostState;
use super::throttling::SYSFS;

/// The Raspberry Pi's flags for what is now: under-voltage, frequency capped, throttled, soft limit of the
/// temperature. The same 16 bits higher say that it has been so since boot.
const NOW: u32 = 0xf;
const SINCE_BOOT_SHIFT: u32 = 16;

/// A machine at the end of a span, and what happened in it. `None` where the kernel tells nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostReport {
    /// The state at the end. Its `throttle_events` are those of the span, its `firmware_flags` the lower
    /// four bits of what was so in the span.
    pub state: HostState,
}

/// Remembers the last look.
pub(crate) struct HostWatch {
    before: HostState,
}

impl HostWatch {
    /// The first look.
    pub(crate) fn start() -> Self {
        Self {
            before: HostState::read(Path::new(SYSFS)),
        }
    }

    /// What happened since the last look.
    pub(crate) fn look(&mut self) -> HostReport {
        let now = HostState::read(Path::new(SYSFS));
        let before = std::mem::replace(&mut self.before, now);
        between(before, now)
    }
}

fn between(before: HostState, now: HostState) -> HostReport {
    let both = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
    let flags = now.firmware_flags.map(|now| {
        let before = before.firmware_flags.unwrap_or(now);
        // That it has been so since boot is news if it was not at the first look.
        let news = (now & !before) >> SINCE_BOOT_SHIFT;
        (before | now | news) & NOW
    });
    HostReport {
        state: HostState {
            throttle_events: both(before.throttle_events, now.throttle_events),
            firmware_flags: flags,
            ..now
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(before: u32, now: u32) -> Option<u32> {
        let state = |flags| HostState {
            firmware_flags: Some(flags),
            ..HostState::default()
        };
        between(state(before), state(now)).state.firmware_flags
    }

    #[test]
    fn flags_of_the_span_are_those_of_both_ends_and_those_that_came_and_went() {
        assert_eq!(flags(0, 0), Some(0));
        assert_eq!(flags(0x1, 0x10000), Some(0x1), "at the beginning");
        assert_eq!(flags(0, 0x40004), Some(0x4), "at the end");
        assert_eq!(flags(0x10000, 0x90000), Some(0x8), "in between");
        assert_eq!(flags(0x50000, 0x50000), Some(0), "long ago");
    }

    #[test]
    fn events_are_those_of_the_span() {
        let state = |events| HostState {
            throttle_events: events,
            ..HostState::default()
        };
        let events = |before, now| between(state(before), state(now)).state.throttle_events;
        assert_eq!(events(Some(3), Some(10)), Some(7));
        assert_eq!(events(Some(10), Some(3)), Some(0), "counted anew");
        assert_eq!(events(None, Some(3)), None);
    }
}
