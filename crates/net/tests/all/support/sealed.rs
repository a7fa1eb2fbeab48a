//! Encrypted links without a network: the keys come from Noise handshakes within the process, and
//! records are made from the format's description, not with the crate's own code.

use std::io::Read;
use std::os::unix::net::UnixStream;

use dllama_net::{Connection, LinkOptions, Mesh};
use snow::{Builder, StatelessTransportState};
use socket2::SockRef;

/// The keys of both ends of a connection.
pub fn keys() -> (StatelessTransportState, StatelessTransportState) {
    let builder = || {
        let pattern = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
        let builder = Builder::new(pattern.parse().expect("a pattern"));
        builder.psk(0, &[7; 32]).expect("a key")
    };
    let mut one = builder().build_initiator().expect("one side");
    let mut other = builder().build_responder().expect("the other side");
    let mut message = [0; 48];
    one.write_message(&[], &mut message).expect("message 1");
    other.read_message(&message, &mut []).expect("message 1");
    other.write_message(&[], &mut message).expect("message 2");
    one.read_message(&message, &mut []).expect("message 2");
    let transport = |state: snow::HandshakeState| state.into_stateless_transport_mode();
    (
        transport(one).expect("finished"),
        transport(other).expect("finished"),
    )
}

pub fn meshes(world_size: usize, options: &LinkOptions) -> Vec<Mesh> {
    let mut rows: Vec<Vec<Option<Connection>>> = Vec::new();
    for _ in 0..world_size {
        let mut row = Vec::new();
        for earlier in &mut rows {
            let (one, other) = UnixStream::pair().expect("a socket pair");
            let (mine, theirs) = keys();
            for socket in [&one, &other] {
                if let Some(n_bytes) = options.socket_buffer_bytes {
                    let socket = SockRef::from(socket);
                    socket.set_send_buffer_size(n_bytes).expect("set");
                    socket.set_recv_buffer_size(n_bytes).expect("set");
                }
            }
            earlier.push(Some(Connection::sealed(one.into(), mine)));
            row.push(Some(Connection::sealed(other.into(), theirs)));
        }
        row.push(None);
        rows.push(row);
    }
    let addresses: Vec<_> = (0..world_size)
        .map(|rank| format!("sealed:{rank}"))
        .collect();
    let ranks = rows.into_iter().enumerate();
    ranks
        .map(|(rank, row)| Mesh::over(rank, row, &addresses, options).expect("a mesh"))
        .collect()
}

/// One end of an encrypted connection.
pub struct Records {
    keys: StatelessTransportState,
    n_sent: u64,
    n_received: u64,
}

/// Kinds whose frames have a tag, and the one whose payload is in the clear.
const HEARTBEAT: u8 = 1;
const CONTROL: u8 = 3;
const LENGTH_IS_TOLD: u8 = 0x80;
const MAX_TEXT_BYTES: usize = 65_519;

impl Records {
    pub fn new(keys: StatelessTransportState) -> Self {
        Self {
            keys,
            n_sent: 0,
            n_received: 0,
        }
    }

    pub fn seal(&mut self, text: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; text.len() + 16];
        let written = self.keys.write_message(self.n_sent, text, &mut sealed);
        written.expect("a text of a record");
        self.n_sent += 1;
        [&(sealed.len() as u16).to_le_bytes()[..], &sealed].concat()
    }

    fn open(&mut self, stream: &mut dyn Read) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut sealed = vec![0; u16::from_le_bytes(length).into()];
        stream.read_exact(&mut sealed).ok()?;
        let mut text = vec![0; sealed.len() - 16];
        let opened = self.keys.read_message(self.n_received, &sealed, &mut text);
        opened.expect("a record of this connection");
        self.n_received += 1;
        Some(text)
    }

    /// A frame that says it has `n_bytes` of payload, of which these are the first.
    pub fn frame(&mut self, kind: u8, n_bytes: u64, payload: &[u8]) -> Vec<u8> {
        let mut text = vec![kind];
        if has_tag(kind) {
            text.push(0);
        }
        if payload.len() as u64 == n_bytes && text.len() + payload.len() <= MAX_TEXT_BYTES {
            text.extend_from_slice(payload);
            return self.seal(&text);
        }
        text[0] |= LENGTH_IS_TOLD;
        text.extend_from_slice(&n_bytes.to_le_bytes());
        let n_first = MAX_TEXT_BYTES - text.len();
        let mut padded = payload.to_vec();
        padded.resize(payload.len().max(n_first), 0);
        let (first, rest) = padded.split_at(n_first);
        text.extend_from_slice(first);
        let mut wire = self.seal(&text);
        for piece in rest.chunks(MAX_TEXT_BYTES) {
            wire.extend(self.seal(piece));
        }
        wire
    }

    /// Kind, tag and payload of the next frame, or `None` at the end of the connection.
    pub fn receive(&mut self, stream: &mut dyn Read) -> Option<(u8, u8, Vec<u8>)> {
        let text = self.open(stream)?;
        let kind = text[0] & !LENGTH_IS_TOLD;
        let (tag, rest) = match has_tag(kind) {
            true => (text[1], &text[2..]),
            false => (0, &text[1..]),
        };
        if text[0] == kind {
            return Some((kind, tag, rest.to_vec()));
        }
        let (n_bytes, payload) = rest.split_first_chunk::<8>()?;
        let mut payload = payload.to_vec();
        while (payload.len() as u64) < u64::from_le_bytes(*n_bytes) {
            payload.extend(self.open(stream)?);
        }
        Some((kind, tag, payload))
    }
}

fn has_tag(kind: u8) -> bool {
    kind == HEARTBEAT || kind == CONTROL
}
