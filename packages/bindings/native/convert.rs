//! `convertFloats`: weights from a checkpoint's float type to a model file's, on libuv's thread pool.
//!
//! The converter hands over a few MiB of whole rows at a time, several calls at once, so one call
//! uses one thread. Values pass through an f32 scratch small enough for the first-level caches.

use bytemuck::{Zeroable, cast_slice, cast_slice_mut};
use dllama_kernels::{BLOCK_SIZE, BlockQ40, BlockQ80, Kernels, NotFinite, f16};
use napi::bindgen_prelude::{AsyncTask, JsObjectValue, Uint8ArraySlice, Unknown};
use napi::{Env, JsValue};
use napi_derive::napi;

use crate::failure::{Failure, Outcome};
use crate::task::{Guarded, Work, promise};

/// Values that are widened and encoded at a time: whole blocks, 32 KiB as f32.
const N_PIECE: usize = 8192;
const _: () = assert!(N_PIECE.is_multiple_of(BLOCK_SIZE));

/// Why values could not be converted. Indices count values from the start of the call's source.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("float type {0:?} is unknown or cannot be converted {1}")]
    UnknownType(String, &'static str),
    #[error("{n_bytes} bytes are no multiple of {unit}, the bytes of a whole group of values")]
    PartialGroup { n_bytes: usize, unit: usize },
    #[error("value {index} is {value}, too large in magnitude for {target}")]
    OutOfRange {
        index: usize,
        value: f32,
        target: &'static str,
    },
    #[error("value {index} is {value}, which is no finite number")]
    NotFinite { index: usize, value: f32 },
    #[error("this machine's instruction set: {0}")]
    Kernels(String),
}

impl ConvertError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownType(..) | Self::PartialGroup { .. } | Self::Kernels(_) => {
                "INVALID_ARGUMENT"
            }
            Self::OutOfRange { .. } => "VALUE_OUT_OF_RANGE",
            Self::NotFinite { .. } => "NUMBER_NOT_FINITE",
        }
    }

    fn index(&self) -> Option<usize> {
        match self {
            Self::OutOfRange { index, .. } | Self::NotFinite { index, .. } => Some(*index),
            _ => None,
        }
    }
}

impl From<ConvertError> for Failure {
    fn from(error: ConvertError) -> Self {
        let failure = Failure::new(error.code(), error.to_string());
        match error.index() {
            Some(index) => failure.with_number("index", index),
            None => failure,
        }
    }
}

#[derive(Clone, Copy)]
enum Source {
    Bf16,
    F16,
    F32,
}

impl Source {
    fn parse(name: &str) -> Result<Self, ConvertError> {
        match name {
            "bf16" => Ok(Self::Bf16),
            "f16" => Ok(Self::F16),
            "f32" => Ok(Self::F32),
            _ => Err(ConvertError::UnknownType(name.into(), "from")),
        }
    }

    /// Bytes of one value.
    fn n_bytes(self) -> usize {
        match self {
            Self::Bf16 | Self::F16 => 2,
            Self::F32 => 4,
        }
    }
}

#[derive(Clone, Copy)]
enum Target {
    Q40,
    Q80,
    F16,
    F32,
}

impl Target {
    fn parse(name: &str) -> Result<Self, ConvertError> {
        match name {
            "q40" => Ok(Self::Q40),
            "q80" => Ok(Self::Q80),
            "f16" => Ok(Self::F16),
            "f32" => Ok(Self::F32),
            _ => Err(ConvertError::UnknownType(name.into(), "to")),
        }
    }

    /// Values of the smallest unit that is stored, and its bytes.
    fn group(self) -> (usize, usize) {
        match self {
            Self::Q40 => (BLOCK_SIZE, size_of::<BlockQ40>()),
            Self::Q80 => (BLOCK_SIZE, size_of::<BlockQ80>()),
            Self::F16 => (1, 2),
            Self::F32 => (1, 4),
        }
    }
}

/// Converts whole groups of values. A NaN or infinity is an error for every type, and so is a value that F16
/// or a block's scale cannot hold; F32 takes every finite value bit for bit.
fn convert(source: &[u8], from: Source, to: Target) -> Result<Vec<u8>, ConvertError> {
    let kernels = Kernels::detect().map_err(|error| ConvertError::Kernels(error.to_string()))?;
    let (n_group, group_bytes) = to.group();
    let unit = n_group * from.n_bytes();
    if !source.len().is_multiple_of(unit) {
        let n_bytes = source.len();
        return Err(ConvertError::PartialGroup { n_bytes, unit });
    }
    let mut out = Vec::with_capacity(source.len() / unit * group_bytes);
    let mut halves = vec![0_u16; N_PIECE];
    let mut floats = vec![0_f32; N_PIECE];
    for (piece, bytes) in source.chunks(N_PIECE * from.n_bytes()).enumerate() {
        let n = bytes.len() / from.n_bytes();
        let (halves, floats) = (&mut halves[..n], &mut floats[..n]);
        widen(&kernels, bytes, from, halves, floats);
        encode(&kernels, floats, to, piece * N_PIECE, &mut out)?;
    }
    Ok(out)
}

/// bytes: n values of type `from` -> floats: (n) f32. JavaScript's memory may lie at an odd
/// address, so halves are copied into aligned memory first.
fn widen(kernels: &Kernels, bytes: &[u8], from: Source, halves: &mut [u16], floats: &mut [f32]) {
    match from {
        Source::F32 => cast_slice_mut(floats).copy_from_slice(bytes),
        Source::F16 | Source::Bf16 => cast_slice_mut(halves).copy_from_slice(bytes),
    }
    match from {
        Source::F32 => {}
        Source::F16 => kernels.dequantize_f16(cast_slice::<u16, f16>(halves), floats),
        Source::Bf16 => kernels.widen_bf16(halves, floats),
    }
}

/// Appends `floats` to `out` as type `to`. `start`: the first value's index, for errors.
fn encode(
    kernels: &Kernels,
    floats: &[f32],
    to: Target,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), ConvertError> {
    match to {
        Target::F32 => {
            if let Some(at) = floats.iter().position(|value| !value.is_finite()) {
                return Err(unfit(floats, at, start, "F32"));
            }
            out.extend_from_slice(cast_slice(floats));
        }
        Target::F16 => {
            let mut halves = vec![f16::ZERO; floats.len()];
            kernels.narrow_f16(floats, &mut halves);
            if let Some(at) = halves.iter().position(|half| !half.is_finite()) {
                return Err(unfit(floats, at, start, "F16"));
            }
            out.extend_from_slice(cast_slice(&halves));
        }
        Target::Q40 => {
            let blocks = quantize(floats, start, |x, blocks| kernels.quantize_q40(x, blocks))?;
            out.extend_from_slice(cast_slice::<BlockQ40, u8>(&blocks));
        }
        Target::Q80 => {
            let blocks = quantize(floats, start, |x, blocks| kernels.quantize_q80(x, blocks))?;
            out.extend_from_slice(cast_slice::<BlockQ80, u8>(&blocks));
        }
    }
    Ok(())
}

fn quantize<B: Zeroable + Clone>(
    floats: &[f32],
    start: usize,
    kernel: impl Fn(&[f32], &mut [B]) -> Result<(), NotFinite>,
) -> Result<Vec<B>, ConvertError> {
    let mut blocks = vec![B::zeroed(); floats.len() / BLOCK_SIZE];
    match kernel(floats, &mut blocks) {
        Ok(()) => Ok(blocks),
        Err(error) => Err(unfit(
            floats,
            error.index,
            start,
            "the F16 scale of its block",
        )),
    }
}

fn unfit(floats: &[f32], at: usize, start: usize, target: &'static str) -> ConvertError {
    let (index, value) = (start + at, floats[at]);
    if value.is_finite() {
        ConvertError::OutOfRange {
            index,
            value,
            target,
        }
    } else {
        ConvertError::NotFinite { index, value }
    }
}

/// One call of `convertFloats`.
pub struct ConvertFloats {
    source: Outcome<Vec<u8>>,
    from: String,
    to: String,
}

impl Work for ConvertFloats {
    const NAME: &'static str = "convertFloats";
    type Output = Vec<u8>;
    type Js<'env> = Uint8ArraySlice<'env>;

    fn run(self) -> Outcome<Vec<u8>> {
        let (from, to) = (Source::parse(&self.from)?, Target::parse(&self.to)?);
        Ok(convert(&self.source?, from, to)?)
    }

    fn into_js<'env>(bytes: Vec<u8>, env: &'env Env) -> napi::Result<Uint8ArraySlice<'env>> {
        // Copied: Electron forbids memory of ours inside an ArrayBuffer.
        Uint8ArraySlice::copy_from(env, bytes)
    }
}

/// Converts `source`, values of type `from` ("bf16" | "f16" | "f32", little-endian), to type `to`
/// ("q40" | "q80" | "f16" | "f32"; whole blocks of 32 values for the first two).
///
/// `source` is copied before this returns: JavaScript may write to its memory, or transfer it, while another
/// thread converts. A view of a SharedArrayBuffer is refused. Rejects with an Error whose `code` is VALUE_OUT_OF_RANGE
/// or NUMBER_NOT_FINITE, with the value's `index`, or INVALID_ARGUMENT.
#[napi(ts_return_type = "Promise<Uint8Array>")]
pub fn convert_floats(
    source: Uint8ArraySlice<'_>,
    from: String,
    to: String,
) -> AsyncTask<Guarded<ConvertFloats>> {
    let source = copy_of(&source);
    promise(ConvertFloats { source, from, to })
}

/// While this thread copies, no JavaScript runs that could write to the memory, unless threads share it.
fn copy_of(source: &Uint8ArraySlice<'_>) -> Outcome<Vec<u8>> {
    let memory = source.get_named_property::<Unknown<'_>>("buffer");
    if memory
        .and_then(|memory| memory.is_arraybuffer())
        .is_ok_and(|is_own| is_own)
    {
        return Ok(source.to_vec());
    }
    let message = "source is a view of memory that threads share, which may change while it is read: \
                   pass a copy, as `source.slice()` makes it";
    Err(Failure::new("INVALID_ARGUMENT", message.to_owned()))
}
