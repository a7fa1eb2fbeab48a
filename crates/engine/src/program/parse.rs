//! From bytes to a Program.

use super::error::{MAX_PROGRAM_BYTES, ProgramError};
use super::schema::Program;
use super::validate::ValidProgram;

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
        let program: Program =
            serde_json::from_slice(bytes).map_err(|error| ProgramError::Malformed {
                reason: error.to_string(),
            })?;
        Self::new(program)
    }
}
