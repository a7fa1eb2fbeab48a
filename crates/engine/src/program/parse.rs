//! From bytes to a Program.

use super::error::{MAX_PROGRAM_BYTES, MAX_PROGRAM_VALUES, ProgramError};
use super::schema::Program;
use super::validate::ValidProgram;

/// Characters of the reader's reason: it may quote the Program, and goes into logs and messages.
const MAX_REASON: usize = 256;

impl ValidProgram {
    /// Reads and checks a Program.
    ///
    /// # Errors
    ///
    /// [`ProgramError`], which says what was expected and what came.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProgramError> {
        if bytes.len() > MAX_PROGRAM_BYTES {
            return Err(ProgramError::TooLong { got: bytes.len() });
        }
        // One value less than its separators, and those within names besides.
        let got = bytes.iter().filter(|byte| b",:[{".contains(byte)).count();
        if got > MAX_PROGRAM_VALUES {
            return Err(ProgramError::TooManyValues { got });
        }
        let program: Program =
            serde_json::from_slice(bytes).map_err(|error| ProgramError::Malformed {
                reason: error.to_string().chars().take(MAX_REASON).collect(),
            })?;
        Self::new(program)
    }
}
