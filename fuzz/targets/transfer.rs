#![no_main]
//! A root's transfer of weights to a worker that answers with any frames.
//!
//! The input is a list of frames (`support/packed_frames.rs`).

#[path = "support/packed_frames.rs"]
mod packed_frames;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use dllama_net::{Connection, LinkOptions, Mesh};

/// Of rank 1 of 2, with 11 weights.
const PROGRAM: &[u8] = include_bytes!("support/program.json");
/// Its weights end before.
const MODEL_BYTES: usize = 32 << 10;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let frames = packed_frames::frames(bytes);
    let (near, mut far) = UnixStream::pair().expect("a socket pair");
    far.write_all(&frames).expect("within the socket's buffer");
    far.shutdown(Shutdown::Write).expect("shut down");
    let addresses = ["fuzz:0", "fuzz:1"].map(str::to_owned);
    let options = LinkOptions {
        silence: Duration::from_millis(200),
        ..LinkOptions::default()
    };
    let connections = vec![None, Some(Connection::plain(near.into()))];
    let mesh = Mesh::over(0, connections, &addresses, &options).expect("a mesh");
    // A worker reads what it is sent.
    let reader = thread::spawn(move || {
        let _ = far.read_to_end(&mut Vec::new());
    });
    mesh.begin_run();
    dllama_engine::fuzzing::transfer(&mesh, PROGRAM, model());
    drop(mesh);
    reader.join().expect("the reader");
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
