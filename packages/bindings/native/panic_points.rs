//! `armPanic`: for the test of what a panic does, with the feature `panic-points`, which no published build has.

use napi_derive::napi;

/// The next time that rank `rank` passes `point`, it panics.
#[napi]
pub fn arm_panic(point: String, rank: u32) {
    dllama_engine::panic_points::arm(&point, rank as usize);
}
