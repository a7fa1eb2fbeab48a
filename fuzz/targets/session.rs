#![no_main]
//! A worker's session with a root that sends any frames.
//!
//! The input is a list of frames (`support/frame_list.rs`).

#[path = "support/played_peer.rs"]
mod played_peer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    played_peer::with_peer(1, bytes, dllama_engine::fuzzing::session);
});
