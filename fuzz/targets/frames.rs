#![no_main]
//! What a peer may send after the handshake: any bytes, while this rank calls one method after another.

use std::io::{IoSliceMut, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use dllama_net::{AllReduce, Connection, F32Codec, LinkOptions, Mesh};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((calls, bytes)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let (near, mut far) = UnixStream::pair().expect("a socket pair");
    far.write_all(bytes)
        .expect("a socket's buffer holds the longest input");
    far.shutdown(Shutdown::Write).expect("shut down");
    let addresses = ["fuzz:0", "fuzz:1"].map(str::to_owned);
    let options = LinkOptions {
        silence: Duration::from_millis(50),
        ..LinkOptions::default()
    };
    let mesh = Mesh::over(
        0,
        vec![None, Some(Connection::plain(near.into()))],
        &addresses,
        &options,
    )
    .expect("a mesh");
    if calls[0] & 1 == 1 {
        mesh.begin_run();
    }
    for call in calls {
        let result = match call >> 1 & 7 {
            0 | 1 => mesh
                .receive_control(1, 512)
                .map(|(_, bytes)| assert!(bytes.len() <= 512)),
            2 => mesh.broadcast(1, &mut [0; 24]),
            3 => mesh.gather(0, &[1; 16], &mut [0; 32]),
            4 => mesh.all_gather(&[1; 8], &mut [0; 24], &[8, 16]),
            5 => mesh.all_reduce(AllReduce::Direct, &F32Codec, &[1.0; 6], &mut [0.0; 6]),
            6 => mesh.all_reduce(AllReduce::Scattered, &F32Codec, &[1.0; 6], &mut [0.0; 6]),
            _ => {
                let (mut head, mut rest) = ([0; 7], [0; 33]);
                let pieces = [&mut head[..], &mut rest[..]].map(IoSliceMut::new);
                mesh.receive_slice(1, pieces.into())
            }
        };
        if let Err(error) = result {
            assert!(!error.code().is_empty() && !error.to_string().is_empty());
            mesh.fail(error.code(), &error.to_string());
        }
    }
});
