//! What can be wrong with a Program.

/// Largest Program that is read, in bytes. Llama 2 70B over 64 ranks takes less than 1 MiB.
pub const MAX_PROGRAM_BYTES: usize = 4 << 20;

/// Values of a Program's JSON at most. Llama 2 70B has 30,000. Each takes some tens of bytes while it is read:
/// with this a Program takes no more than 16 MiB beside its text.
pub(super) const MAX_PROGRAM_VALUES: usize = 1 << 18;

/// Why a Program is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Longer than [`MAX_PROGRAM_BYTES`].
    #[error("a program has at most {MAX_PROGRAM_BYTES} bytes, got {got}")]
    TooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// More values than any model's has.
    #[error("a program has at most {MAX_PROGRAM_VALUES} values, got {got} or more")]
    TooManyValues {
        /// Values that were counted.
        got: usize,
    },
    /// Not JSON of the schema.
    #[error("not a program: {reason}")]
    Malformed {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// Another version of the schema.
    #[error("the program has version {got}, this engine runs version {expected}")]
    Version {
        /// The version that this engine runs.
        expected: u32,
        /// The Program's version.
        got: u32,
    },
    /// A declaration breaks a rule.
    #[error("{what}: expected {expected}, got {got}")]
    Declaration {
        /// What is declared, such as `weight 3 (blk.0.attn_q.weight)`.
        what: String,
        /// What the rule asks for.
        expected: String,
        /// What came.
        got: String,
    },
    /// A step breaks its op's shape rule.
    #[error("step {step} ({op}), {what}: expected {expected}, got {got}")]
    Step {
        /// Index of the step.
        step: usize,
        /// The op's name.
        op: &'static str,
        /// Which part of it.
        what: &'static str,
        /// What the rule asks for.
        expected: String,
        /// What came.
        got: String,
    },
}
