//! What a listener tells its log.

/// Something that happened at a listener's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The address it came from; empty if it concerns the port itself.
    pub address: String,
    /// A sentence's end for the log, without the address.
    pub message: String,
}

/// Kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A root's session is complete.
    Connected,
    /// Somebody was turned away: no dllama, another version, another session, another root.
    Refused,
    /// A root's session came to nothing, before it was complete.
    SessionFailed,
    /// The system could not accept connections; it is tried again.
    AcceptFailed,
}

impl EventKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::SessionFailed => "sessionFailed",
            Self::AcceptFailed => "acceptFailed",
        }
    }
}
