//! The payload of an abort frame: why a rank gives up.
//!
//! `u32` rank at fault (`u32::MAX`: the sender), `u16` bytes of the code, the code, the message.
//! Both texts are UTF-8 and cut to fit; a receiver takes them as they come and shows them as text.

use crate::limits::MAX_ABORT_BYTES;

const FIXED_BYTES: usize = 6;
const MAX_CODE_BYTES: usize = 64;
const NO_RANK: u32 = u32::MAX;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Abort {
    /// The rank whose failure made the sender give up, if it was not its own.
    pub(crate) culprit: Option<usize>,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Abort {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let code = cut(&self.code, MAX_CODE_BYTES);
        let message = cut(&self.message, MAX_ABORT_BYTES - FIXED_BYTES - code.len());
        let rank = self.culprit.map_or(NO_RANK, |rank| rank as u32);
        let mut bytes = Vec::with_capacity(FIXED_BYTES + code.len() + message.len());
        bytes.extend_from_slice(&rank.to_le_bytes());
        bytes.extend_from_slice(&(code.len() as u16).to_le_bytes());
        bytes.extend_from_slice(code.as_bytes());
        bytes.extend_from_slice(message.as_bytes());
        bytes
    }

    /// `None` if the bytes are no abort payload.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (rank, rest) = bytes.split_first_chunk::<4>()?;
        let (n_code, rest) = rest.split_first_chunk::<2>()?;
        let (code, message) = rest.split_at_checked(u16::from_le_bytes(*n_code).into())?;
        let rank = u32::from_le_bytes(*rank);
        Some(Self {
            culprit: (rank != NO_RANK).then_some(rank as usize),
            code: String::from_utf8_lossy(code).into_owned(),
            message: String::from_utf8_lossy(message).into_owned(),
        })
    }
}

/// The longest beginning of `text` that has at most `max_bytes` bytes and cuts no character.
fn cut(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let abort = Abort {
            culprit: Some(3),
            code: "é".repeat(100),
            message: "日本".repeat(1000),
        };
        let bytes = abort.encode();
        assert!(bytes.len() <= MAX_ABORT_BYTES && bytes.len() > MAX_ABORT_BYTES - 4);
        let back = Abort::decode(&bytes).expect("an abort");
        assert_eq!(back.culprit, Some(3));
        assert_eq!(back.code, "é".repeat(32));
        assert!(abort.message.starts_with(&back.message) && !back.message.is_empty());
    }

    #[test]
    fn cut_payloads_are_refused() {
        let abort = Abort {
            culprit: None,
            code: "OUT_OF_MEMORY".into(),
            message: String::new(),
        };
        let bytes = abort.encode();
        assert_eq!(Abort::decode(&bytes), Some(abort));
        for n_bytes in 0..bytes.len() {
            assert_eq!(Abort::decode(&bytes[..n_bytes]), None);
        }
    }
}
