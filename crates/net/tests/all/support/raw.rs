//! A peer that the test plays itself, byte by byte: frames are written from the format's
//! description, not with the crate's own code.

use std::io::{Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use dllama_net::{Connection, LinkOptions, Mesh};

use super::Links;
use super::sealed::{self, Records};

pub const HEARTBEAT: u8 = 1;
pub const ABORT: u8 = 2;
pub const CONTROL: u8 = 3;
pub const ALL_REDUCE: u8 = 7;
pub const ALL_GATHER: u8 = 6;
pub const REDUCE_SCATTER: u8 = 9;

pub trait ReadWrite: Read + Write + Send {
    /// For a thread that writes while another reads.
    fn writer(&self) -> Box<dyn Write + Send>;
}

impl ReadWrite for TcpStream {
    fn writer(&self) -> Box<dyn Write + Send> {
        Box::new(self.try_clone().expect("a descriptor"))
    }
}

impl ReadWrite for UnixStream {
    fn writer(&self) -> Box<dyn Write + Send> {
        Box::new(self.try_clone().expect("a descriptor"))
    }
}

/// In place of a connection that is closed.
impl ReadWrite for Cursor<Vec<u8>> {
    fn writer(&self) -> Box<dyn Write + Send> {
        Box::new(std::io::sink())
    }
}

pub struct RawPeer {
    pub stream: Box<dyn ReadWrite>,
    sequence: u32,
    /// Of an encrypted link.
    records: Option<Records>,
}

impl RawPeer {
    /// The next frame as it is on the wire.
    pub fn frame(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        self.frame_that_tells(kind, payload.len() as u64, payload)
    }

    /// The beginning of a frame that says it has `n_bytes` of payload, of which these are the first.
    pub fn frame_that_tells(&mut self, kind: u8, n_bytes: u64, payload: &[u8]) -> Vec<u8> {
        if let Some(records) = &mut self.records {
            return records.frame(kind, n_bytes, payload);
        }
        let sequence = self.sequence;
        self.sequence += 1;
        let fields: [&[u8]; 4] = [
            &[kind, 0, 0, 0],
            &sequence.to_le_bytes(),
            &n_bytes.to_le_bytes(),
            payload,
        ];
        fields.concat()
    }

    /// A record with any text; on a plain link, the text.
    pub fn record(&mut self, text: &[u8]) -> Vec<u8> {
        match &mut self.records {
            Some(records) => records.seal(text),
            None => text.to_vec(),
        }
    }

    pub fn send(&mut self, kind: u8, payload: &[u8]) {
        let frame = self.frame(kind, payload);
        self.write(&frame);
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("written");
    }

    /// Kind, tag and payload of the next frame, or `None` at the end of the connection.
    pub fn receive_tagged(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        if let Some(records) = &mut self.records {
            return records.receive(&mut self.stream);
        }
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).ok()?;
        let n_bytes = u64::from_le_bytes(header[8..].try_into().expect("8 bytes"));
        let mut payload = vec![0; n_bytes as usize];
        self.stream.read_exact(&mut payload).ok()?;
        Some((header[0], header[1], payload))
    }

    /// Kind and payload of the next frame, or `None` at the end of the connection.
    pub fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let (kind, _, payload) = self.receive_tagged()?;
        Some((kind, payload))
    }

    /// Sends heartbeats for so long, as a rank that computes does.
    pub fn compute(&mut self, time: Duration, heartbeat: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.send(HEARTBEAT, &[]);
            std::thread::sleep(heartbeat);
        }
    }
}

/// Connected sockets of rank 0 and of `n_peers` raw peers, which are rank 1 and up. None is late.
pub fn mesh_with_raw_peers(
    kind: Links,
    n_peers: usize,
    options: &LinkOptions,
) -> (Mesh, Vec<RawPeer>) {
    let mut connections = vec![None];
    let mut peers = Vec::new();
    for _ in 0..n_peers {
        let (socket, stream): (OwnedFd, Box<dyn ReadWrite>) = match kind {
            Links::InMemory | Links::SealedInMemory | Links::OneDelayedInMemory => {
                let (mine, theirs) = UnixStream::pair().expect("a socket pair");
                (mine.into(), Box::new(theirs))
            }
            Links::Tcp | Links::SealedTcp | Links::OneDelayedTcp => {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let address = listener.local_addr().expect("its address");
                let theirs = TcpStream::connect(address).expect("connected");
                (
                    listener.accept().expect("accepted").0.into(),
                    Box::new(theirs),
                )
            }
        };
        let (mine, theirs) = sealed::keys();
        connections.push(Some(match kind.is_sealed() {
            true => Connection::sealed(socket, mine),
            false => Connection::plain(socket),
        }));
        peers.push(RawPeer {
            stream,
            sequence: 0,
            records: kind.is_sealed().then(|| Records::new(theirs)),
        });
    }
    let addresses: Vec<_> = (0..=n_peers).map(|rank| format!("rank-{rank}:1")).collect();
    let mesh = Mesh::over(0, connections, &addresses, options).expect("a mesh");
    (mesh, peers)
}
