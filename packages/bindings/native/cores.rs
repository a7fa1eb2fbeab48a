//! `physicalCores`: how many threads are of use on this machine.

use napi::Env;
use napi_derive::napi;

use crate::failure::guarded_here;

/// Physical cores that this process may run on, within the processor quota of its control group.
#[napi]
pub fn physical_cores(env: Env) -> napi::Result<u32> {
    guarded_here(&env, || Ok(dllama_engine::physical_cores() as u32))
}
