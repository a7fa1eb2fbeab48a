//! A root that has the token, and then says what no root says: `hostile_root ADDRESS N SEED FILE ...`.
//!
//! Each of N sessions goes through the real handshake, with the token of `DLLAMA_TOKEN` or, without one,
//! insecurely. Behind it come the frames of one of the files (inputs of the fuzz target `session`), some of
//! them changed, left out or doubled, until the worker ends the session or nothing is left. Prints
//! how many sessions there were, how many frames the worker took, and which errors it gave.
//! `scripts/hostile-peers.mjs` runs it and watches the worker.

#[path = "../../../fuzz/targets/support/frame_list.rs"]
mod frame_list;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use dllama_net::{AllReduce, ConnectOptions, Error, F32Codec, Key, Mesh, Slice, Trust, connect};

const HEARTBEAT: u8 = 1;
const CONTROL: u8 = 3;
const BROADCAST: u8 = 4;
const ALL_REDUCE: u8 = 7;
const SLICE: u8 = 8;
/// Control messages that a worker answers, and the first of those before which it says that it has all
/// slices (crates/engine/src/roles/messages.rs).
const ANSWERED: [u8; 6] = [1, 6, 10, 20, 21, 25];
const FORWARD: u8 = 4;
const LOADED: u8 = 3;
/// Of no control message.
const NO_TAG: u8 = 255;
const MAX_MESSAGE_BYTES: usize = 1 << 16;
/// Then both sides wait for each other, because something was left out.
const PATIENCE: Duration = Duration::from_millis(300);
/// A worker that has just ended a session says for a moment that it is busy.
const MAX_ATTEMPTS: u32 = 200;

struct Frame {
    kind: u8,
    tag: u8,
    payload: Vec<u8>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, n, seed, files @ ..] = &args[..] else {
        return Err("expected ADDRESS N SEED FILE ...".into());
    };
    let trust = match std::env::var("DLLAMA_TOKEN") {
        Ok(token) => Trust::Token(Key::of_token(&token).map_err(|_| "the token is short")?),
        Err(_) => Trust::Insecure,
    };
    let sessions = files
        .iter()
        .map(std::fs::read)
        .collect::<Result<Vec<_>, _>>()?;
    let mut random = Random(seed.parse::<u64>()? | 1);
    let mut errors = BTreeMap::<&str, u64>::new();
    let mut n_frames = 0;
    for _ in 0..n.parse::<u64>()? {
        let mesh = join(address, &trust)?;
        let session = &sessions[random.below(sessions.len())];
        match talk(&mesh, session, &mut random, &mut n_frames) {
            Ok(()) => *errors.entry("none").or_default() += 1,
            Err(error) => *errors.entry(error.code()).or_default() += 1,
        }
    }
    println!("{n} sessions, {n_frames} frames; errors of the worker: {errors:?}");
    Ok(())
}

fn join(address: &str, trust: &Trust) -> Result<Mesh, Error> {
    let mut attempt = 0;
    loop {
        let options = ConnectOptions::new(vec![address.to_owned()], trust.clone());
        match connect(options) {
            Err(Error::Busy { .. }) if attempt < MAX_ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// Says what the session says, or nearly, until the worker ends it or waits for something else.
fn talk(mesh: &Mesh, session: &[u8], random: &mut Random, n_frames: &mut u64) -> Result<(), Error> {
    mesh.begin_run();
    thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        scope.spawn(move || {
            if let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(PATIENCE) {
                mesh.fail("HOSTILE", "it does not go on");
            }
        });
        let result = say_all(mesh, session, random, n_frames);
        drop(done);
        result
    })
}

fn say_all(
    mesh: &Mesh,
    session: &[u8],
    random: &mut Random,
    n_frames: &mut u64,
) -> Result<(), Error> {
    let mut is_loaded = false;
    for mut frame in frames(session) {
        let n_times = match random.below(60) {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        if random.below(16) == 0 {
            change(&mut frame, random);
        }
        if (frame.kind, frame.tag, is_loaded) == (CONTROL, FORWARD, false) {
            while mesh.receive_control(1, MAX_MESSAGE_BYTES)?.0 != LOADED {}
            is_loaded = true;
        }
        for _ in 0..n_times {
            say(mesh, &mut frame)?;
            *n_frames += 1;
        }
        if frame.kind == CONTROL && ANSWERED.contains(&frame.tag) {
            mesh.receive_control(1, MAX_MESSAGE_BYTES)?;
        }
    }
    mesh.send_control(1, NO_TAG, &[])?;
    loop {
        mesh.receive_control(1, MAX_MESSAGE_BYTES)?;
    }
}

fn say(mesh: &Mesh, Frame { kind, tag, payload }: &mut Frame) -> Result<(), Error> {
    match *kind {
        CONTROL => mesh.send_control(1, *tag, payload),
        ALL_REDUCE => {
            // Of as many bytes as the session's Q80 partials.
            let n = payload.len() / 4;
            mesh.all_reduce(
                AllReduce::Direct,
                &F32Codec,
                &vec![0.0; n],
                &mut vec![0.0; n],
            )
        }
        SLICE => {
            let n = payload.len();
            mesh.send_slice(1, &Slice::new(zeros(), payload, 0, 1, n as u64, n))
        }
        _ => mesh.broadcast(0, payload),
    }
}

/// A file for slices, which may be sent from there and not from memory: zeros, as the weights are.
fn zeros() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    FILE.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("dllama-zeros-{}", std::process::id()));
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        let file = file.expect("a temporary file");
        file.set_len(1 << 20).expect("a length");
        // It lives as long as it is open.
        std::fs::remove_file(&path).expect("removed");
        file
    })
}

fn change(frame: &mut Frame, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let n = frame.payload.len();
        match random.below(7) {
            0 => frame.tag = random.below(40) as u8,
            1 => frame.kind = [CONTROL, BROADCAST, ALL_REDUCE, SLICE][random.below(4)],
            2 => frame.payload.truncate(random.below(n + 1)),
            3 => frame.payload.push(random.below(256) as u8),
            4 if n > 0 => frame.payload[random.below(n)] ^= 1 << random.below(8),
            5 if n > 0 => frame.payload[random.below(n)] = [0, 1, 127, 128, 255][random.below(5)],
            _ if n >= 4 => {
                let at = random.below(n - 3);
                let numbers = [0, 1, u32::MAX, i32::MAX as u32, 1 << 16];
                let number = numbers[random.below(5)];
                frame.payload[at..at + 4].copy_from_slice(&number.to_le_bytes());
            }
            _ => {}
        }
    }
}

/// As the fuzz target `session` reads its input.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    frame_list::frame_list(bytes)
        // The mesh sends its own.
        .filter(|(kind, ..)| *kind != HEARTBEAT)
        .map(|(kind, tag, payload)| Frame { kind, tag, payload })
        .collect()
}

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
