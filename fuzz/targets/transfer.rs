#![no_main]
//! A root's transfer of weights to a worker that answers with any frames.
//!
//! The input is a list of frames (`support/frame_list.rs`).

#[path = "support/played_peer.rs"]
mod played_peer;

use std::path::PathBuf;
use std::sync::OnceLock;

/// Of rank 1 of 2, with 11 weights.
const PROGRAM: &[u8] = include_bytes!("support/program.json");
/// Its weights end before.
const MODEL_BYTES: usize = 32 << 10;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    played_peer::with_peer(0, bytes, |mesh| {
        mesh.begin_run();
        dllama_engine::fuzzing::transfer(mesh, PROGRAM, model());
    });
});

/// A file of weights, any bytes being valid ones.
fn model() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let name = format!("dllama-fuzz-{}.gguf", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, vec![1; MODEL_BYTES]).expect("a folder to write to");
        path
    })
}
