#![no_main]
//! A worker's session with a root that sends any frames.
//!
//! The input is a list of frames, which this target puts together, so that the fuzzer need not find
//! out lengths and numbers: kind, tag, and two bytes of length. With the length's top bit the payload
//! is that many times 16 bytes of the tag (weights); else it follows.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use dllama_net::{Connection, LinkOptions, Mesh};

/// What a socket's buffer holds for certain.
const MAX_BYTES: usize = 150_000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let frames = frames(bytes);
    let (near, mut far) = UnixStream::pair().expect("a socket pair");
    far.write_all(&frames).expect("within the socket's buffer");
    far.shutdown(Shutdown::Write).expect("shut down");
    let addresses = ["fuzz:0", "fuzz:1"].map(str::to_owned);
    let options = LinkOptions {
        silence: Duration::from_millis(200),
        ..LinkOptions::default()
    };
    let mesh = Mesh::over(1, vec![Some(Connection::plain(near.into())), None], &addresses, &options).expect("a mesh");
    // A root reads what it is told.
    let reader = thread::spawn(move || {
        let _ = far.read_to_end(&mut Vec::new());
    });
    dllama_engine::fuzzing::session(&mesh);
    drop(mesh);
    reader.join().expect("the reader");
});

fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    let mut number = 0u32;
    while let Some((&[kind, tag, low, high], rest)) = bytes.split_first_chunk::<4>() {
        let n = usize::from(u16::from_le_bytes([low, high & 0x7f]));
        let (payload, rest) = match high >> 7 {
            0 => {
                let (payload, rest) = rest.split_at(n.min(rest.len()));
                (payload.to_vec(), rest)
            }
            _ => (vec![tag; n * 16], rest),
        };
        if frames.len() + payload.len() > MAX_BYTES {
            break;
        }
        frames.extend([kind, tag, 0, 0]);
        frames.extend(number.to_le_bytes());
        frames.extend((payload.len() as u64).to_le_bytes());
        frames.extend(payload);
        number += 1;
        bytes = rest;
    }
    frames
}
