//! What can go wrong on a rank, as typed facts with a stable code.

use std::io;
use std::path::PathBuf;

use crate::program::ProgramError;

/// An error of this crate. [`code`](Self::code) is stable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Program breaks a rule.
    #[error("rank {rank}: {source}")]
    Program {
        /// The rank that the Program is for.
        rank: usize,
        /// Which rule.
        source: ProgramError,
    },
    /// Programs, workers or ranks do not belong together.
    #[error("{what}: expected {expected}, got {got}")]
    Mismatch {
        /// What is compared.
        what: &'static str,
        /// What the other side says.
        expected: String,
        /// What came.
        got: String,
    },
    /// The model file cannot be opened or mapped.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The model file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A weight does not lie in the model file as the Program says.
    #[error("weight {name}: expected {expected}, got {got}")]
    Weight {
        /// The tensor's name.
        name: String,
        /// What is needed.
        expected: String,
        /// What the Program or the file says.
        got: String,
    },
    /// Bytes of a weight that came over the network are not those that the root has hashed.
    #[error("weight {}, unit {unit}: expected bytes with the hash {expected}, got others", name.escape_default())]
    Unit {
        /// The tensor's name.
        name: String,
        /// Index of the unit among the rank's.
        unit: usize,
        /// The hash.
        expected: String,
    },
    /// Memory that is not there.
    #[error("{what} take {} MiB, and {} MiB of memory are available", needed >> 20, available >> 20)]
    OutOfMemory {
        /// What the memory is for.
        what: String,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that the system can give.
        available: u64,
    },
    /// Memory that this worker's limit does not allow.
    #[error(
        "{what} take {} MiB, and this device lends {} MiB (--max-memory)",
        needed.div_ceil(1 << 20), allowed >> 20
    )]
    MemoryLimit {
        /// What the memory is for.
        what: String,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that it may take.
        allowed: u64,
    },
    /// More bytes than this machine can address.
    #[error("the program asks for more memory than this machine can address")]
    TooLarge,
    /// A row of a forward is out of range.
    #[error("row {row}, {what}: expected {expected}, got {got}")]
    Row {
        /// Index of the row in the forward.
        row: usize,
        /// Which part of it.
        what: &'static str,
        /// The rule.
        expected: String,
        /// What came.
        got: String,
    },
    /// A forward is empty or too long, or its bytes are not a list of rows.
    #[error("a forward: expected {expected}, got {got}")]
    Forward {
        /// The rule.
        expected: String,
        /// What came.
        got: String,
    },
    /// A message between root and worker that this version does not know.
    #[error("a message from rank {rank}: expected {expected}, got {got}")]
    Message {
        /// Who sent it.
        rank: usize,
        /// What was awaited.
        expected: String,
        /// What came.
        got: String,
    },
    /// `DLLAMA_ISA` names an instruction set that this machine lacks.
    #[error(transparent)]
    Isa(#[from] dllama_kernels::UnknownIsa),
    /// Links and collectives.
    #[error(transparent)]
    Net(#[from] dllama_net::Error),
    /// The operating system refuses memory or threads.
    #[error("the operating system refuses memory or threads: {0}")]
    System(#[from] io::Error),
    /// An earlier error has put the ranks out of step.
    #[error("this engine has ended: {reason}")]
    OutOfStep {
        /// The error.
        reason: String,
    },
    /// What was asked for is no longer there.
    #[error("this engine has ended")]
    Ended,
    /// A bug of ours.
    #[error("a bug in dllama ended this call: {what}")]
    Panicked {
        /// What the panic said.
        what: String,
    },
}

/// The code of [`Error::Unit`]: a root that hears it forgets the hashes that it has kept.
pub(crate) const WEIGHTS_DAMAGED: &str = "WEIGHTS_DAMAGED";

impl Error {
    /// A stable name of the kind of error, as TypeScript has it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Program { .. } | Self::Mismatch { .. } => "PROGRAM_INVALID",
            Self::File { .. } => "FILE_UNREADABLE",
            Self::Weight { .. } => "MODEL_MALFORMED",
            Self::Unit { .. } => WEIGHTS_DAMAGED,
            Self::OutOfMemory { .. }
            | Self::MemoryLimit { .. }
            | Self::TooLarge
            | Self::System(_) => "OUT_OF_MEMORY",
            Self::Row { .. } | Self::Forward { .. } | Self::Isa(_) => "INVALID_ARGUMENT",
            Self::Message { .. } => "PROTOCOL_MISMATCH",
            Self::Net(error) => error.code(),
            Self::Ended | Self::OutOfStep { .. } => "DISPOSED",
            Self::Panicked { .. } => "INTERNAL",
        }
    }

    /// What to do next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OutOfMemory { .. } => Some(
                "Share the model over more workers, shorten the context (--max-seq-len), or end other programs.",
            ),
            Self::Unit { .. } => Some(
                "The model file was changed while it was sent, or the network damaged it: start again.",
            ),
            Self::MemoryLimit { .. } => Some(
                "Give this rank a smaller part (--split), shorten the context (--max-seq-len), or let the worker lend more.",
            ),
            Self::Panicked { .. } => {
                Some("Please report it, with what you did: https://github.com/dllama/dllama/issues")
            }
            Self::Net(error) => error.hint(),
            _ => None,
        }
    }
}
