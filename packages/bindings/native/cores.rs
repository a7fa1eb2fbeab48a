//! `physicalCores`: how many threads are of use on this machine.

use napi_derive::napi;

/// Physical cores that this process may run on, within the processor quota of its control group.
#[napi]
pub fn physical_cores() -> u32 {
    dllama_engine::physical_cores() as u32
}
