//! Links on which every byte comes late, by a thread for each direction between the two ends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use dllama_net::{Connection, LinkOptions, Mesh};

/// Many times what a small message takes on the other links.
const DELAY: Duration = Duration::from_micros(700);

/// Meshes over socket pairs, where the link between the first rank and the last one is late.
pub fn in_memory(world_size: usize, options: &LinkOptions) -> Vec<Mesh> {
    let mut sockets: Vec<Vec<Option<Connection>>> = Vec::new();
    for rank in 0..world_size {
        let mut row: Vec<Option<Connection>> = Vec::new();
        for (peer, earlier) in sockets.iter_mut().enumerate() {
            let (one, other) = match (peer, rank + 1 == world_size) {
                (0, true) => late_pair(),
                _ => UnixStream::pair().expect("a socket pair"),
            };
            earlier.push(Some(Connection::plain(one.into())));
            row.push(Some(Connection::plain(other.into())));
        }
        row.push(None);
        sockets.push(row);
    }
    let addresses: Vec<_> = (0..world_size).map(|rank| format!("rank-{rank}")).collect();
    let ranks = sockets.into_iter().enumerate();
    let mesh = |(rank, row)| Mesh::over(rank, row, &addresses, options).expect("a mesh");
    ranks.map(mesh).collect()
}

fn late_pair() -> (UnixStream, UnixStream) {
    let (one, inner_one) = UnixStream::pair().expect("a socket pair");
    let (other, inner_other) = UnixStream::pair().expect("a socket pair");
    let copy = |stream: &UnixStream| stream.try_clone().expect("a copy");
    let (from, to) = (copy(&inner_one), copy(&inner_other));
    let shut_down = |stream: &UnixStream| drop(stream.shutdown(Shutdown::Write));
    thread::spawn(move || carry(from, to, DELAY, shut_down));
    thread::spawn(move || carry(inner_other, inner_one, DELAY, shut_down));
    (one, other)
}

/// A port that passes `n_connections` on to `address`, and what is said on the last of them late.
pub fn port_before(address: &str, n_connections: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let own = listener.local_addr().expect("its address").to_string();
    let address = address.to_owned();
    thread::spawn(move || {
        for number in 1..=n_connections {
            let is_last = number == n_connections;
            let delay = if is_last { DELAY } else { Duration::ZERO };
            let (here, _) = listener.accept().expect("a connection");
            let there = TcpStream::connect(&address).expect("connected");
            for stream in [&here, &there] {
                stream.set_nodelay(true).expect("set");
            }
            let copy = |stream: &TcpStream| stream.try_clone().expect("a copy");
            let (from, to) = (copy(&here), copy(&there));
            let shut_down = |stream: &TcpStream| drop(stream.shutdown(Shutdown::Write));
            thread::spawn(move || carry(from, to, delay, shut_down));
            thread::spawn(move || carry(there, here, delay, shut_down));
        }
    });
    own
}

/// Passes bytes on, each `delay` after it has come, until one side ends.
fn carry<S: Read + Write>(mut from: S, mut to: S, delay: Duration, shut_down: impl Fn(&S)) {
    let mut bytes = vec![0; 256 << 10];
    while let Ok(n_bytes @ 1..) = from.read(&mut bytes) {
        thread::sleep(delay);
        if to.write_all(&bytes[..n_bytes]).is_err() {
            break;
        }
    }
    shut_down(&to);
}
