//! What can go wrong between ranks, as typed facts with a stable code.

use std::io;
use std::time::SystemTime;

/// An error of this crate. `code` is stable; `hint` says what to do next, where there is something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A peer is gone: its socket closed, or it was silent for too long while this rank waited.
    #[error("lost rank {rank} ({address}) during {during}: {reason}")]
    PeerLost {
        /// The rank that is gone. It may have been noticed, and reported, by another rank.
        rank: usize,
        /// Its address, as this rank knows it.
        address: String,
        /// What was going on, such as `all-reduce`.
        during: String,
        /// How it was noticed.
        reason: String,
    },
    /// A peer gave up and said why.
    #[error("rank {rank} ({address}) failed: {message}")]
    PeerFailed {
        /// The rank that failed.
        rank: usize,
        /// Its address.
        address: String,
        /// The stable code it gave.
        code: String,
        /// The message it gave, capped.
        message: String,
    },
    /// A peer sent something else than the protocol allows here.
    #[error("rank {rank} ({address}) broke the protocol: expected {expected}, got {got}")]
    Protocol {
        /// The peer's rank.
        rank: usize,
        /// Its address.
        address: String,
        /// What should have come.
        expected: String,
        /// What came.
        got: String,
    },
    /// The mesh or listener was closed, or an earlier error has ended it.
    #[error("the connection to the other ranks is closed")]
    Closed,
    /// No worker answers at an address.
    #[error("cannot reach a worker at {address}: {reason}")]
    Unreachable {
        /// `host:port` as it was given.
        address: String,
        /// The system's reason.
        reason: String,
    },
    /// A worker refused the session.
    #[error("the worker at {address} refused: {reason}")]
    Refused {
        /// `host:port` as it was given.
        address: String,
        /// What was wrong for it.
        reason: String,
    },
    /// A worker serves another root.
    #[error("the worker at {address} is busy with {root} since {}", humantime::format_rfc3339_seconds(*.since))]
    Busy {
        /// `host:port` as it was given.
        address: String,
        /// The other root's address, as the worker sees it.
        root: String,
        /// When that root came, by this device's clock.
        since: SystemTime,
    },
    /// A worker has another token, or somebody without it answers at its address.
    #[error("the worker at {address} has another token")]
    WrongToken {
        /// `host:port` as it was given.
        address: String,
    },
    /// A worker wants a token, and this side was told to do without.
    #[error("the worker at {address} wants a token, and this side was started with --insecure")]
    WorkerIsSecure {
        /// `host:port` as it was given.
        address: String,
    },
    /// A worker was told to do without a token, and this side has one.
    #[error("the worker at {address} was started with --insecure, and this side has a token")]
    WorkerIsInsecure {
        /// `host:port` as it was given.
        address: String,
    },
    /// A worker speaks another version of the protocol.
    #[error("the worker at {address} speaks protocol version {theirs}, this root speaks {ours}")]
    VersionMismatch {
        /// `host:port` as it was given.
        address: String,
        /// This side's version.
        ours: u32,
        /// The worker's version.
        theirs: u32,
    },
    /// Two workers cannot reach each other.
    #[error(
        "rank {rank} ({address}) and rank {peer_rank} ({peer_address}) cannot connect: {reason}"
    )]
    PeersUnreachable {
        /// The worker that reported it.
        rank: usize,
        /// Its address.
        address: String,
        /// The worker that it could not connect with.
        peer_rank: usize,
        /// That worker's address.
        peer_address: String,
        /// The reporter's reason.
        reason: String,
    },
    /// One worker has a loopback address and another does not: they cannot meet.
    #[error("{loopback} is a loopback address, which the worker at {other} cannot reach")]
    MixedLoopback {
        /// The worker that was named by a loopback address.
        loopback: String,
        /// A worker that was not.
        other: String,
    },
    /// The same worker was named twice.
    #[error("{first} and {second} are the same worker")]
    DuplicateWorker {
        /// The one.
        first: String,
        /// The other, which may be spelled in the same way.
        second: String,
    },
    /// An address is not `host:port`, or its host name is unknown.
    #[error("cannot use the address {address}: {reason}")]
    BadAddress {
        /// The text that was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More ranks than a session can have.
    #[error("{world_size} ranks are more than the {max} that a session can have")]
    WorldTooLarge {
        /// Root and workers together.
        world_size: usize,
        /// The largest number allowed.
        max: usize,
    },
    /// Another program listens there.
    #[error("the address {address} is in use")]
    AddressInUse {
        /// The address to listen on.
        address: String,
    },
    /// The file that a slice is sent from cannot be read, or has become shorter.
    #[error("cannot read the file that is sent: {source}")]
    File {
        /// The system's error.
        source: io::Error,
    },
    /// The operating system refused something that is no peer's fault.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

impl Error {
    /// The stable code, as TypeScript's `DllamaError` has it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PeerLost { .. } => "PEER_LOST",
            Self::PeerFailed { .. } => "PEER_FAILED",
            Self::Protocol { .. } | Self::VersionMismatch { .. } => "PROTOCOL_MISMATCH",
            Self::Closed => "DISPOSED",
            Self::Unreachable { .. } | Self::PeersUnreachable { .. } => "WORKER_UNREACHABLE",
            Self::Refused { .. } => "WORKER_REFUSED",
            Self::Busy { .. } => "WORKER_BUSY",
            Self::WrongToken { .. } => "TOKEN_MISMATCH",
            Self::WorkerIsSecure { .. } | Self::WorkerIsInsecure { .. } => "INSECURE_MISMATCH",
            Self::MixedLoopback { .. } | Self::DuplicateWorker { .. } => "INVALID_ARGUMENT",
            Self::WorldTooLarge { .. } => "INVALID_ARGUMENT",
            Self::BadAddress { .. } => "ADDRESS_UNKNOWN",
            Self::AddressInUse { .. } => "ADDRESS_IN_USE",
            Self::File { .. } => "FILE_UNREADABLE",
            Self::Io { .. } => "INTERNAL",
        }
    }

    /// Whether the same call may succeed a little later by itself: a peer is away, starts again, or has not
    /// noticed yet that its last session is over.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::PeerLost { .. }
            | Self::Unreachable { .. }
            | Self::PeersUnreachable { .. }
            | Self::Refused { .. }
            | Self::Busy { .. }
            // What a cut connection leaves, or a port that is another program's for a moment.
            | Self::Protocol { .. } => true,
            // It passes on what it has met, or ends as its supervisor asks.
            Self::PeerFailed { code, .. } => matches!(code.as_str(), "PEER_LOST" | "DISPOSED" | "ABORTED"),
            _ => false,
        }
    }

    /// What a person can do next, as one sentence.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable { .. } => {
                "Start `dllama worker` there, listening on that port and on an address that this device reaches."
            }
            Self::Busy { .. } => "End the other root, or start a second worker on another port.",
            Self::WrongToken { .. } => {
                "Give this side the worker's token, in DLLAMA_TOKEN or in a file with --token-file; the worker said at its first start where it keeps it. All workers need the same: start the others with it, too."
            }
            Self::WorkerIsSecure { .. } => {
                "Leave --insecure out here and give the worker's token, or start the worker with --insecure, too."
            }
            Self::WorkerIsInsecure { .. } => {
                "Start the worker without --insecure, or give --insecure here, too, where everybody on the network may read along."
            }
            Self::VersionMismatch { .. } => "Install the same version of dllama on all devices.",
            Self::PeersUnreachable { .. } => {
                "Every worker must reach every other worker: check firewalls, and name each by an address that all devices share."
            }
            Self::MixedLoopback { .. } => {
                "Name every worker by its address in the network, this device's own too."
            }
            Self::DuplicateWorker { .. } => "Name each worker once.",
            Self::BadAddress { address, .. } => bad_address_hint(address),
            Self::AddressInUse { .. } => {
                "End the program that listens there, or choose another port with --port."
            }
            Self::PeerFailed { .. } => "What dllama printed on that device may say more.",
            Self::PeerLost { .. } => {
                "Check that the device is on and its worker runs, then start again."
            }
            Self::File { .. } => {
                "Check that the disk works, and that nothing writes to the model's file."
            }
            Self::Protocol { .. } => {
                "Check that a dllama worker of the same version listens at that address."
            }
            _ => return None,
        })
    }
}

/// What to do about an address, by how it was typed.
fn bad_address_hint(address: &str) -> &'static str {
    let (host, _) = address.rsplit_once(':').unwrap_or((address, ""));
    let is_number = host.starts_with('[') || host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if host.to_ascii_lowercase().starts_with("[fe80:") {
        "A link-local address needs this device's interface behind it, as `ip link` names it: [fe80::1%eth0]:9998."
    } else if host.to_ascii_lowercase().ends_with(".local") {
        "Names that end in .local are found by mDNS: check that it runs on both devices (avahi-daemon, libnss-mdns), or give the IP address."
    } else if is_number {
        "Give an address that the device has, such as 10.0.0.2:9998 or [fd00::2]:9998."
    } else {
        "Check the name, or give the IP address, such as 10.0.0.2:9998 or [fd00::2]:9998."
    }
}
