//! Who may speak with whom: the key that a session's ranks share, or the decision to do without.
//!
//! The key is BLAKE3's `derive_key` of a token, any text of at least [`MIN_TOKEN_BYTES`]. The token
//! itself is not kept, and neither of the two is ever shown.

use std::fmt;

/// Bytes of the shortest token. One that was made at random has 128 random bits.
pub const MIN_TOKEN_BYTES: usize = 16;

/// Separates this use of a token from any other (the BLAKE3 specification, section 2.3).
const CONTEXT: &str = "dllama 2026-11 pre-shared key of Noise NNpsk0 between ranks";

/// The key that all ranks of a session have in common.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

/// A token that is too short to keep anybody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenTooShort {
    /// Bytes that it has.
    pub n_bytes: usize,
}

impl Key {
    /// The key of a token.
    ///
    /// # Errors
    ///
    /// If it has fewer than [`MIN_TOKEN_BYTES`].
    pub fn of_token(token: &str) -> Result<Self, TokenTooShort> {
        let n_bytes = token.len();
        if n_bytes < MIN_TOKEN_BYTES {
            return Err(TokenTooShort { n_bytes });
        }
        Ok(Self(blake3::derive_key(CONTEXT, token.as_bytes())))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Whom a rank lets into its sessions.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Whoever has the same token. Everything but weights is encrypted.
    Token(Key),
    /// Everybody, in plain sight.
    Insecure,
}

impl Trust {
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self, Self::Token(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_16_bytes_at_least_and_is_never_shown() {
        for n_bytes in 0..MIN_TOKEN_BYTES {
            let short = Key::of_token(&"x".repeat(n_bytes));
            assert_eq!(short, Err(TokenTooShort { n_bytes }));
        }
        // Bytes count, not characters.
        let key = Key::of_token("ééééßßßß").expect("16 bytes");
        assert_ne!(Ok(key.clone()), Key::of_token("ééééßßßé"));
        let shown = format!("{key:?} {:?}", Trust::Token(key.clone()));
        assert_eq!(shown, "Key(..) Token(Key(..))");
    }

    /// The same token gives the same key in every version that speaks this protocol.
    #[test]
    fn the_key_of_a_token_stays_as_it_is() {
        let key = Key::of_token("0123456789abcdef").expect("16 bytes");
        let hex: String = key.bytes()[..8]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hex, "956f3314558bd141");
    }
}
