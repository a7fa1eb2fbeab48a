//! Frames out of a list that a fuzzer makes, so that it need not find out lengths and numbers.
//!
//! Each is kind, tag, and two bytes of length. With the length's top bit the payload is that many times
//! 16 bytes of the tag (weights); else it follows.

/// What a socket's buffer holds for certain.
const MAX_BYTES: usize = 150_000;

/// The frames as they are on the wire, without encryption.
pub fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    let mut number = 0u32;
    while let Some((&[kind, tag, low, high], rest)) = bytes.split_first_chunk::<4>() {
        let n = usize::from(u16::from_le_bytes([low, high & 0x7f]));
        let (payload, rest) = match high >> 7 {
            0 => {
                let (payload, rest) = rest.split_at(n.min(rest.len()));
                (payload.to_vec(), rest)
            }
            _ => (vec![tag; n * 16], rest),
        };
        if frames.len() + payload.len() > MAX_BYTES {
            break;
        }
        frames.extend([kind, tag, 0, 0]);
        frames.extend(number.to_le_bytes());
        frames.extend((payload.len() as u64).to_le_bytes());
        frames.extend(payload);
        number += 1;
        bytes = rest;
    }
    frames
}
