//! A caller that the test plays itself, byte by byte: hellos, Noise messages and records are made from
//! their description, not with the crate's own code.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use dllama_net::Listener;
use snow::{Builder, HandshakeState, StatelessTransportState};

use super::TOKEN;

pub const VERSION: u32 = 4;
const CONTEXT: &str = "dllama 2026-11 pre-shared key of Noise NNpsk0 between ranks";

/// Codes of replies.
pub const ACCEPTED: u8 = 0;
pub const WRONG_MAGIC: u8 = 1;
pub const WRONG_VERSION: u8 = 2;
pub const WRONG_TOKEN: u8 = 9;
pub const REPLAYED: u8 = 10;
pub const WANTS_TOKEN: u8 = 11;
pub const IS_INSECURE: u8 = 12;

#[derive(Debug, Clone, Copy)]
pub struct Hello {
    pub role: u8,
    pub secure: u8,
    pub session: u8,
    pub world_size: u32,
    pub from: u32,
    pub to: u32,
}

/// A root with a token that has one worker.
pub const ROOT: Hello = Hello {
    role: 0,
    secure: 1,
    session: 1,
    world_size: 2,
    from: 0,
    to: 1,
};

impl Hello {
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = b"dllama\r\n".to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([self.role, self.secure, 0, 0]);
        bytes.extend([self.session; 16]);
        for number in [self.world_size, self.from, self.to] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }
}

pub fn reply(version: u32, code: u8) -> Vec<u8> {
    [
        b"dllama\r\n".as_slice(),
        &version.to_le_bytes(),
        &[code, 0, 0, 0],
    ]
    .concat()
}

/// The state of a Noise handshake with `prologue`, and its message 1.
pub fn noise(token: &str, prologue: &[u8]) -> (HandshakeState, Vec<u8>) {
    let key = blake3::derive_key(CONTEXT, token.as_bytes());
    let builder = Builder::new(
        "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s"
            .parse()
            .expect("known"),
    );
    let builder = builder.psk(0, &key).and_then(|b| b.prologue(prologue));
    let mut state = builder
        .and_then(Builder::build_initiator)
        .expect("a handshake");
    let mut message = vec![0; 48];
    state.write_message(&[], &mut message).expect("message 1");
    (state, message)
}

/// A hello with its Noise message, and what goes on with it.
pub fn whole_hello(hello: Hello, token: &str) -> (HandshakeState, Vec<u8>) {
    let (state, message) = noise(token, &hello.bytes());
    (state, [hello.bytes(), message].concat())
}

/// An encrypted connection with a worker, from the reply on.
pub struct Caller {
    pub stream: TcpStream,
    keys: StatelessTransportState,
    n_sent: u64,
    n_received: u64,
}

impl Caller {
    /// Says hello and gets the worker's answer; the knock is still owed.
    pub fn greet(listener: &Listener, hello: Hello) -> Self {
        let (mut state, bytes) = whole_hello(hello, TOKEN);
        let mut stream = dial(listener);
        stream.write_all(&bytes).expect("written");
        let mut answer = [0; 16 + 48];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(answer[..16], reply(VERSION, ACCEPTED));
        state
            .read_message(&answer[16..], &mut [])
            .expect("message 2");
        Self {
            stream,
            keys: state.into_stateless_transport_mode().expect("finished"),
            n_sent: 0,
            n_received: 0,
        }
    }

    /// As [`greet`](Self::greet), and is let in.
    pub fn enter(listener: &Listener, hello: Hello) -> Self {
        let mut caller = Self::greet(listener, hello);
        assert_eq!(caller.knock(), [0], "accepted");
        caller
    }

    /// Knocks, and returns the verdict.
    pub fn knock(&mut self) -> Vec<u8> {
        self.send(&[]);
        self.receive().expect("a verdict")
    }

    pub fn record(&mut self, text: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; text.len() + 16];
        let written = self.keys.write_message(self.n_sent, text, &mut sealed);
        written.expect("a short text");
        self.n_sent += 1;
        [&(sealed.len() as u16).to_le_bytes()[..], &sealed].concat()
    }

    pub fn send(&mut self, text: &[u8]) {
        let record = self.record(text);
        self.stream.write_all(&record).expect("written");
    }

    /// The next message, or `None` at the end of the connection.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        self.stream.read_exact(&mut length).ok()?;
        let mut sealed = vec![0; u16::from_le_bytes(length).into()];
        self.stream.read_exact(&mut sealed).ok()?;
        let mut text = vec![0; sealed.len() - 16];
        let opened = self.keys.read_message(self.n_received, &sealed, &mut text);
        opened.expect("a record");
        self.n_received += 1;
        Some(text)
    }
}

pub fn dial(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(listener.local_addr()).expect("the port is open");
    // Longer than any limit of a worker.
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("set");
    stream
}

/// All that a stranger gets for its bytes, up to the end of the connection.
pub fn answer(listener: &Listener, bytes: &[u8]) -> Vec<u8> {
    let mut stream = dial(listener);
    stream.write_all(bytes).expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an orderly end");
    answer
}
