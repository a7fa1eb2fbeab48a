//! How partial results look on the wire.

/// An encoding of f32 values for the all-reduce. Decoding must give the same bits on every device.
///
/// Each granule is encoded for itself: of two runs of whole granules, the bytes of both together are
/// the bytes of the one and then those of the other.
pub trait Codec {
    /// A piece of values is a multiple of this: 32 for Q80, whose blocks hold 32.
    fn granularity(&self) -> usize;

    /// Bytes of `n_values` encoded (a multiple of the granularity); as many for each granule.
    fn encoded_len(&self, n_values: usize) -> usize;

    /// Encodes `values` into `out`, which has their encoded length. A value that has no encoding, such as NaN
    /// or infinity, becomes one that is decoded to NaN or infinity; others of its granule may become so, too.
    fn encode(&self, values: &[f32], out: &mut [u8]);

    /// Adds the decoded values to `acc`. The bytes may come from a peer: any bytes are allowed.
    fn add_decoded(&self, bytes: &[u8], acc: &mut [f32]);
}

/// Plain f32, little-endian: lossless, NaN and infinities included.
#[derive(Debug, Clone, Copy, Default)]
pub struct F32Codec;

impl Codec for F32Codec {
    fn granularity(&self) -> usize {
        1
    }

    fn encoded_len(&self, n_values: usize) -> usize {
        n_values * size_of::<f32>()
    }

    fn encode(&self, values: &[f32], out: &mut [u8]) {
        for (value, bytes) in values.iter().zip(out.as_chunks_mut::<4>().0) {
            *bytes = value.to_le_bytes();
        }
    }

    fn add_decoded(&self, bytes: &[u8], acc: &mut [f32]) {
        for (bytes, acc) in bytes.as_chunks::<4>().0.iter().zip(acc) {
            *acc += f32::from_le_bytes(*bytes);
        }
    }
}
