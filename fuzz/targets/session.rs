#![no_main]
//! A worker's session with a root that sends any frames.
//!
//! The input is a list of frames (`support/packed_frames.rs`).

#[path = "support/packed_frames.rs"]
mod packed_frames;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use dllama_net::{Connection, LinkOptions, Mesh};

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
    let mesh = Mesh::over(
        1,
        vec![Some(Connection::plain(near.into())), None],
        &addresses,
        &options,
    )
    .expect("a mesh");
    // A root reads what it is told.
    let reader = thread::spawn(move || {
        let _ = far.read_to_end(&mut Vec::new());
    });
    dllama_engine::fuzzing::session(&mesh);
    drop(mesh);
    reader.join().expect("the reader");
});
