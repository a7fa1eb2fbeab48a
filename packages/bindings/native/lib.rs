//! Node-API bindings of the engine: thin. What takes more than a millisecond is a promise; errors
//! have stable codes; results are copied into JavaScript's memory.

#![cfg_attr(
    test,
    allow(dead_code, reason = "napi registers its exports in Node alone")
)]

mod brief;
mod bus_error;
mod connection;
mod convert;
mod cores;
mod engine;
mod engine_thread;
mod failure;
mod forward;
mod mapped_file;
#[cfg(feature = "panic-points")]
mod panic_points;
mod plan;
mod process_end;
mod rank_memory;
mod rank_times;
mod read_rate;
mod task;
mod trust;
mod weight_sources;
mod worker;
