//! Portable kernels, compiled for AVX2: the same source and the same bits, in
//! registers twice as wide. `scalar` inlines them here for that.

use super::super::scalar::{add, convert, log_sum_exp, quantize, rms_norm, rope, swiglu};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::not_finite::NotFinite;

macro_rules! recompiled {
    ($($file:ident::$name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(super) fn $name($($arg: $type),*) $(-> $result)? {
            $file::$name($($arg),*)
        }
    )*};
}

recompiled! {
    quantize::quantize_q80(x: &[f32], out: &mut [BlockQ80]) -> Result<(), NotFinite>;
    convert::dequantize_q40(blocks: &[BlockQ40], out: &mut [f32]);
    convert::dequantize_q80(blocks: &[BlockQ80], out: &mut [f32]);
    convert::widen_bf16(x: &[u16], out: &mut [f32]);
    rms_norm::rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) -> bool;
    rope::rope_interleaved(x: &mut [f32], cos: &[f32], sin: &[f32]);
    rope::rope_half_split(x: &mut [f32], cos: &[f32], sin: &[f32]);
    swiglu::swiglu(gate: &[f32], up: &[f32], out: &mut [f32]);
    add::add_assign(acc: &mut [f32], x: &[f32]);
    add::add_q80(acc: &mut [f32], x: &[BlockQ80]);
    log_sum_exp::log_sum_exp(x: &[f32], divisor: f32) -> Result<f32, NotFinite>;
}
