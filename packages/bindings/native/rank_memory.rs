//! `rankMemory`: what a rank would take, as the engine counts it.

use dllama_engine::panic_points;
use napi::Env;
use napi_derive::napi;

use crate::failure::guarded_here;

/// Bytes by what they are for.
#[napi(object)]
pub struct RankMemory {
    pub weight_bytes: f64,
    pub kv_cache_bytes: f64,
    pub buffer_bytes: f64,
    pub scratch_bytes: f64,
    pub turn_bytes: f64,
}

/// The memory that a Program's rank takes.
#[napi]
pub fn rank_memory(env: Env, program: String) -> napi::Result<RankMemory> {
    let memory = guarded_here(&env, || {
        panic_points::pass("rankMemory", 0);
        Ok(dllama_engine::rank_memory(&program)?)
    })?;
    Ok(RankMemory {
        weight_bytes: memory.weight_bytes as f64,
        kv_cache_bytes: memory.kv_cache_bytes as f64,
        buffer_bytes: memory.buffer_bytes as f64,
        scratch_bytes: memory.scratch_bytes as f64,
        turn_bytes: memory.turn_bytes as f64,
    })
}
