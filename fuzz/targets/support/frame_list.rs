//! Frames out of a list that a fuzzer makes, so that it need not find out lengths and numbers.
//!
//! Each is kind, tag, and two bytes of length. With the length's top bit the payload is that many times
//! 16 bytes of the tag (weights); else it follows.

/// Kind, tag and payload of the frames, one after the other.
pub fn frame_list(mut bytes: &[u8]) -> impl Iterator<Item = (u8, u8, Vec<u8>)> {
    std::iter::from_fn(move || {
        let (&[kind, tag, low, high], rest) = bytes.split_first_chunk::<4>()?;
        let n = usize::from(u16::from_le_bytes([low, high & 0x7f]));
        let (payload, rest) = match high >> 7 {
            0 => {
                let (payload, rest) = rest.split_at(n.min(rest.len()));
                (payload.to_vec(), rest)
            }
            _ => (vec![tag; n * 16], rest),
        };
        bytes = rest;
        Some((kind, tag, payload))
    })
}
