//! One rank of two, whose peer the fuzzer plays.

#[path = "frame_list.rs"]
mod frame_list;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use dllama_net::{Connection, LinkOptions, Mesh};

/// What a socket's buffer holds for certain.
const MAX_BYTES: usize = 150_000;

/// `sendfile` on a closed socket raises SIGPIPE, which the runtimes of Rust and Node ignore; libFuzzer's `main` does
/// not come by either.
fn ignore_broken_pipes() {
    static ONCE: Once = Once::new();
    // SAFETY: to ignore a signal runs no code of ours.
    ONCE.call_once(|| unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    });
}

/// Has `rank` do its part with a peer that has sent the frames of `input`, and reads what it is sent.
pub fn with_peer(rank: usize, input: &[u8], part: impl FnOnce(&Mesh)) {
    ignore_broken_pipes();
    let (near, mut far) = UnixStream::pair().expect("a socket pair");
    far.write_all(&on_the_wire(input))
        .expect("within the socket's buffer");
    far.shutdown(Shutdown::Write).expect("shut down");
    let addresses = ["fuzz:0", "fuzz:1"].map(str::to_owned);
    let options = LinkOptions {
        silence: Duration::from_millis(200),
        ..LinkOptions::default()
    };
    let mut connections = vec![None, None];
    connections[1 - rank] = Some(Connection::plain(near.into()));
    let mesh = Mesh::over(rank, connections, &addresses, &options).expect("a mesh");
    let reader = thread::spawn(move || {
        let _ = far.read_to_end(&mut Vec::new());
    });
    part(&mesh);
    drop(mesh);
    reader.join().expect("the reader");
}

/// The frames of a list as they are on the wire, without encryption.
fn on_the_wire(input: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    for (number, (kind, tag, payload)) in (0u32..).zip(frame_list::frame_list(input)) {
        if frames.len() + payload.len() > MAX_BYTES {
            break;
        }
        frames.extend([kind, tag, 0, 0]);
        frames.extend(number.to_le_bytes());
        frames.extend((payload.len() as u64).to_le_bytes());
        frames.extend(payload);
    }
    frames
}
