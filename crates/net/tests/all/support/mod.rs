//! What the suites share: ranks as threads, a watchdog, a lossy codec, reproducible values.

pub mod block_codec;
pub mod caller;
pub mod delay;
pub mod faulty_peer;
pub mod raw;
pub mod sealed;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dllama_net::{
    Codec, ConnectOptions, Error, Event, Key, LinkOptions, Listener, Mesh, Trust, connect,
};

/// No test takes longer, so a rank that hangs fails its test instead of hanging the run.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Runs `body` on its own thread; panics if it panics or does not end in time.
pub fn watched<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(body());
    });
    match receiver.recv_timeout(WATCHDOG) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running after {WATCHDOG:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the thread sends before it returns"),
        },
    }
}

/// The kinds of link that every suite runs over.
pub const KINDS: [Links; 4] = [
    Links::InMemory,
    Links::Tcp,
    Links::SealedInMemory,
    Links::SealedTcp,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    InMemory,
    Tcp,
    SealedInMemory,
    SealedTcp,
    /// In memory, where what two ranks say to each other comes late.
    OneDelayedInMemory,
    /// The same over TCP.
    OneDelayedTcp,
}

/// The kinds that every suite runs over, and those with one slow link.
pub const KINDS_AND_DELAYED: [Links; 6] = [
    Links::InMemory,
    Links::Tcp,
    Links::SealedInMemory,
    Links::SealedTcp,
    Links::OneDelayedInMemory,
    Links::OneDelayedTcp,
];

impl Links {
    pub fn meshes(self, world_size: usize, options: &LinkOptions) -> Vec<Mesh> {
        match self {
            Self::InMemory => Mesh::in_memory_with(world_size, options).expect("socket pairs"),
            Self::SealedInMemory => sealed::meshes(world_size, options),
            Self::Tcp => tcp_meshes(world_size, options, Trust::Insecure, |_, address| address),
            Self::SealedTcp => tcp_meshes(world_size, options, token(TOKEN), |_, address| address),
            Self::OneDelayedInMemory => delay::in_memory(world_size, options),
            Self::OneDelayedTcp => {
                tcp_meshes(
                    world_size,
                    options,
                    token(TOKEN),
                    |rank, address| match rank {
                        // The last to connect with rank 1: another worker, where there is one.
                        1 => delay::port_before(&address, world_size - 1),
                        _ => address,
                    },
                )
            }
        }
    }

    pub fn is_sealed(self) -> bool {
        matches!(self, Self::SealedInMemory | Self::SealedTcp)
    }
}

/// Of the shortest kind.
pub const TOKEN: &str = "0123456789abcdef";

pub fn token(text: &str) -> Trust {
    Trust::Token(Key::of_token(text).expect("long enough"))
}

/// Meshes of every kind, with the default limits.
pub fn worlds(sizes: &'static [usize]) -> impl Iterator<Item = Vec<Mesh>> {
    let options = LinkOptions::default();
    let worlds = KINDS
        .into_iter()
        .flat_map(|kind| sizes.iter().map(move |n| (kind, *n)));
    worlds.map(move |(kind, world_size)| kind.meshes(world_size, &options))
}

/// A root and its workers, connected over loopback as over a network. `route` says by which address
/// the others are to reach a rank that listens at its own.
fn tcp_meshes(
    world_size: usize,
    options: &LinkOptions,
    trust: Trust,
    route: impl Fn(usize, String) -> String,
) -> Vec<Mesh> {
    let listeners: Vec<_> = (1..world_size)
        .map(|_| listener_with(trust.clone(), options))
        .collect();
    let addresses = (1..).zip(&listeners);
    let addresses = addresses.map(|(rank, listener)| route(rank, address(listener)));
    let mut root = ConnectOptions::new(addresses.collect(), trust);
    root.links = options.clone();
    let mut meshes = vec![connect(root).expect("connected")];
    meshes.extend(
        listeners
            .iter()
            .map(|listener| listener.accept().expect("a mesh")),
    );
    meshes
}

/// A listener on a free port of the loopback device, for whoever has the token.
pub fn listener() -> Listener {
    listener_with(token(TOKEN), &LinkOptions::default())
}

pub fn listener_with(trust: Trust, options: &LinkOptions) -> Listener {
    let ignore = Box::new(|_| ());
    Listener::bind_with("127.0.0.1:0", trust, options.clone(), ignore).expect("a free port")
}

/// A listener for whoever has the token, and what it tells its log.
pub fn logging_listener() -> (Listener, mpsc::Receiver<Event>) {
    logging_listener_with(token(TOKEN))
}

pub fn logging_listener_with(trust: Trust) -> (Listener, mpsc::Receiver<Event>) {
    logging_listener_at("127.0.0.1:0", trust).expect("a free port")
}

pub fn logging_listener_at(
    address: &str,
    trust: Trust,
) -> Result<(Listener, mpsc::Receiver<Event>), Error> {
    let (sender, events) = mpsc::channel();
    let on_event = move |event| {
        let _ = sender.send(event);
    };
    let listener = Listener::bind(address, trust, Box::new(on_event))?;
    Ok((listener, events))
}

/// Shorter than what a stranger may take, so that waiting for one shows.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);

/// A root that has the token.
pub fn connect_to(workers: &[String]) -> Result<Mesh, Error> {
    connect_with(token(TOKEN), workers)
}

pub fn connect_with(trust: Trust, workers: &[String]) -> Result<Mesh, Error> {
    let mut options = ConnectOptions::new(workers.to_vec(), trust);
    options.hello_timeout = HELLO_TIMEOUT;
    connect(options)
}

pub fn assert_serves(listener: &Listener) -> (Mesh, Mesh) {
    let root = connect_to(&[address(listener)]).expect("served");
    let worker = listener.accept().expect("a mesh");
    root.send_control(1, 5, b"hello").expect("sent");
    assert_eq!(
        worker.receive_control(0, 5).expect("received"),
        (5, b"hello".to_vec())
    );
    (root, worker)
}

pub fn address(listener: &Listener) -> String {
    listener.local_addr().to_string()
}

/// Calls `body` with every rank's mesh, each on a thread, and returns the results in rank order.
pub fn on_all_ranks<T: Send + 'static>(
    meshes: Vec<Mesh>,
    body: impl Fn(Mesh) -> T + Send + Sync + 'static,
) -> Vec<T> {
    watched(move || {
        let body = &body;
        thread::scope(|scope| {
            let ranks = meshes
                .into_iter()
                .map(|mesh| scope.spawn(move || body(mesh)));
            let threads: Vec<_> = ranks.collect();
            let results = threads.into_iter().map(|thread| thread.join());
            results
                .map(|result| result.expect("the rank's thread"))
                .collect()
        })
    })
}

/// Values in -1..1 that differ between ranks and indices, the same in every run (splitmix64).
pub fn values(seed: u64, n_values: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(n_values).collect()
}

/// Bytes that differ between seeds and indices.
pub fn bytes(seed: u64, n_bytes: usize) -> Vec<u8> {
    let value = |x: f32| ((x + 1.0) * 127.0) as u8;
    values(seed, n_bytes).into_iter().map(value).collect()
}

/// A lossy stand-in for Q80: blocks of 8 values, one byte each at a fixed scale.
pub struct CoarseCodec;

impl CoarseCodec {
    /// Between two values that it has. The largest is 15.875: sums of some ranks' -1..1 fit.
    pub const STEP: f32 = 0.125;
}

impl Codec for CoarseCodec {
    fn granularity(&self) -> usize {
        8
    }

    fn encoded_len(&self, n_values: usize) -> usize {
        n_values
    }

    fn encode(&self, values: &[f32], out: &mut [u8]) {
        let byte = |value: f32| (value / Self::STEP).round_ties_even() as i8 as u8;
        out.iter_mut()
            .zip(values)
            .for_each(|(out, value)| *out = byte(*value));
    }

    fn add_decoded(&self, bytes: &[u8], acc: &mut [f32]) {
        let value = |byte: u8| f32::from(byte as i8) * Self::STEP;
        acc.iter_mut()
            .zip(bytes)
            .for_each(|(acc, byte)| *acc += value(*byte));
    }
}
