//! How many bytes of a rank's weights came from where.

/// Where a worker has a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nowhere: the root sends it.
    Missing = 0,
    /// In its cache on disk.
    Cached = 1,
    /// In memory, from a session before.
    Held = 2,
    /// In its own copy of the model file.
    Local = 3,
}

impl Source {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Missing,
            1 => Self::Cached,
            2 => Self::Held,
            3 => Self::Local,
            _ => return None,
        })
    }
}

/// Bytes of weights by where they came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// By the root, over the network.
    pub sent_bytes: u64,
    /// From the worker's cache on disk.
    pub cached_bytes: u64,
    /// From the worker's memory, where a session before left them.
    pub held_bytes: u64,
    /// From the rank's own model file.
    pub local_bytes: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, source: Source, n_bytes: usize) {
        let place = match source {
            Source::Missing => &mut self.sent_bytes,
            Source::Cached => &mut self.cached_bytes,
            Source::Held => &mut self.held_bytes,
            Source::Local => &mut self.local_bytes,
        };
        *place += n_bytes as u64;
    }

    /// Adds what another has counted.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.sent_bytes += other.sent_bytes;
        self.cached_bytes += other.cached_bytes;
        self.held_bytes += other.held_bytes;
        self.local_bytes += other.local_bytes;
    }
}
