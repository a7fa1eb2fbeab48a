//! What a forward of one row sends, on every rank, against the tables of `docs/wire.md`.

use crate::support::model::ModelFile;
use crate::support::{row, tiny, trust, wide, worker};
use dllama_engine::program::{CacheType, Program, WireType};
use dllama_engine::{
    AllReducePlan, ForwardTimes, Plan, RankTimes, Root, RootOptions, RowClass, Worker,
};

/// Bytes of an encrypted frame beside its payload: length, kind, proof.
const FRAME_BYTES: u64 = 2 + 1 + 16;
/// Control messages and heartbeats have one more.
const TAG_BYTES: u64 = 1;
const HEARTBEAT_BYTES: u64 = FRAME_BYTES + TAG_BYTES;

/// What decides how much is sent.
struct Case {
    file: ModelFile,
    program: fn(u32, u32, WireType) -> Program,
    dim: u64,
    vocab: u64,
    n_all_reduces: u64,
    /// Bytes of a row of the embedding on the wire.
    embedding: fn(WireType) -> u64,
}

fn f32_row(_: WireType) -> u64 {
    u64::from(wide::DIM) * 4
}

fn buffer_row(wire: WireType) -> u64 {
    encoded(wire, u64::from(tiny::DIM))
}

fn encoded(wire: WireType, n: u64) -> u64 {
    match wire {
        WireType::F32 => n * 4,
        WireType::Q80 => n / 32 * 34,
    }
}

fn wide_case() -> Case {
    Case {
        file: ModelFile::of_floats(wide::N_FLOATS, 3),
        program: wide::program,
        dim: wide::DIM.into(),
        vocab: wide::VOCAB.into(),
        n_all_reduces: 1,
        embedding: f32_row,
    }
}

fn tiny_case() -> Case {
    Case {
        file: ModelFile::of_floats(tiny::N_FLOATS, 3),
        program: |rank, world_size, wire| tiny::program(rank, world_size, wire, CacheType::F32),
        dim: tiny::DIM.into(),
        vocab: tiny::VOCAB.into(),
        n_all_reduces: 2 * u64::from(tiny::N_LAYERS),
        embedding: buffer_row,
    }
}

/// What `docs/wire.md` says of one rank and token.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    n_exchanges: u64,
    sent_frames: u64,
    received_frames: u64,
    sent_payload: u64,
    received_payload: u64,
}

impl Case {
    fn load(&self, workers: &[Worker], wire: WireType, is_scattered: bool) -> Root {
        let world_size = workers.len() as u32 + 1;
        let programs = (0..world_size).map(|rank| (self.program)(rank, world_size, wire));
        let scattered_from_bytes = is_scattered.then_some(0);
        let options = RootOptions {
            model: self.file.path().to_owned(),
            programs: programs.map(|program| tiny::json(&program)).collect(),
            workers: workers.iter().map(|w| w.address().to_string()).collect(),
            n_threads: 1,
            cache_folder: None,
            trust: trust(),
            plan: Some(Plan {
                all_reduce: AllReducePlan {
                    scattered_from_bytes,
                },
            }),
        };
        Root::load(options, &|_| {}).expect("free workers")
    }

    fn table(&self, rank: u64, n: u64, wire: WireType, is_scattered: bool) -> Sent {
        let peers = n - 1;
        let (control, embedding) = (TAG_BYTES + 1 + 17, (self.embedding)(wire));
        // The widest part of the vocabulary has as many candidates as any rank sends.
        let record = 8 + 8 * self.vocab.div_ceil(n).min(8);
        let part = encoded(wire, self.dim);
        let (frames, sent, received) = if is_scattered {
            // Granules of a block or a value, shared out as evenly as they go.
            let granule = if wire == WireType::Q80 { 32 } else { 1 };
            let granules = self.dim / granule;
            let chunk = |rank| {
                let first = rank * granules / n;
                encoded(wire, ((rank + 1) * granules / n - first) * granule)
            };
            let own = chunk(rank);
            let sizes = || (0..n).filter(|&peer| peer != rank).map(chunk);
            let others: u64 = sizes().sum();
            let full = sizes().filter(|&size| size > 0).count() as u64;
            let own_frames = if own > 0 { peers } else { 0 };
            // Partials out, sums out; the same in, the other way round.
            let bytes = others + peers * own;
            (full + own_frames, bytes, bytes)
        } else {
            (peers, peers * part, peers * part)
        };
        let a = self.n_all_reduces;
        let steps = if is_scattered { 2 } else { 1 };
        let root_sent = peers * (control + embedding);
        let (is_root, own) = (rank == 0, [control + embedding, record]);
        Sent {
            n_exchanges: 1 + 1 + steps * a + 1,
            sent_frames: a * frames + if is_root { 2 * peers } else { 1 },
            received_frames: a * frames + if is_root { peers } else { 2 },
            sent_payload: a * sent + if is_root { root_sent } else { own[1] },
            received_payload: a * received + if is_root { peers * record } else { own[0] },
        }
    }

    fn check(&self, worlds: std::ops::RangeInclusive<usize>) {
        let all: Vec<_> = std::iter::repeat_with(worker)
            .take(*worlds.end() - 1)
            .collect();
        for (n, wire) in worlds.flat_map(|n| [(n, WireType::Q80), (n, WireType::F32)]) {
            for is_scattered in [false, true] {
                let root = self.load(&all[..n - 1], wire, is_scattered);
                root.forward(RowClass::Exact, vec![row(1, 0)])
                    .expect("a row");
                root.rank_times().expect("ranks that answer");
                root.forward(RowClass::Exact, vec![row(7, 1)])
                    .expect("a row");
                let times = root.rank_times().expect("ranks that answer");
                assert_eq!(times.len(), n);
                for (rank, times) in times.iter().enumerate() {
                    let what = format!("rank {rank} of {n}, {wire:?}, scattered: {is_scattered}");
                    let expected = match n {
                        1 => Sent {
                            n_exchanges: 0,
                            sent_frames: 0,
                            received_frames: 0,
                            sent_payload: 0,
                            received_payload: 0,
                        },
                        n => self.table(rank as u64, n as u64, wire, is_scattered),
                    };
                    assert_eq!(sent(times, &expected), expected, "{what}");
                }
            }
        }
    }
}

/// What a rank counted, without the heads of frames and the heartbeats of a slow machine.
fn sent(RankTimes { exact, fast, .. }: &RankTimes, expected: &Sent) -> Sent {
    assert_eq!((exact.n_forwards, fast.n_forwards), (1, 0));
    let ForwardTimes { traffic, .. } = exact;
    let payload = |bytes: u64, frames: u64, expected: u64| {
        let heartbeats = (bytes - frames * FRAME_BYTES).saturating_sub(expected);
        assert_eq!(
            heartbeats % HEARTBEAT_BYTES,
            0,
            "bytes that are no heartbeats"
        );
        assert!(
            heartbeats / HEARTBEAT_BYTES <= 64,
            "{heartbeats} bytes too many"
        );
        bytes - frames * FRAME_BYTES - heartbeats
    };
    Sent {
        n_exchanges: traffic.n_exchanges,
        sent_frames: traffic.sent_frames,
        received_frames: traffic.received_frames,
        sent_payload: payload(
            traffic.sent_bytes,
            traffic.sent_frames,
            expected.sent_payload,
        ),
        received_payload: payload(
            traffic.received_bytes,
            traffic.received_frames,
            expected.received_payload,
        ),
    }
}

#[test]
fn one_to_eight_ranks_send_what_the_table_says() {
    wide_case().check(1..=8);
}

#[test]
fn layers_send_two_all_reduces_each() {
    tiny_case().check(1..=4);
}

#[test]
fn times_are_those_since_they_were_asked_for() {
    let case = tiny_case();
    let workers: Vec<_> = std::iter::repeat_with(worker).take(2).collect();
    let root = case.load(&workers, WireType::F32, false);
    let rows = (0..4).map(|position| row(3, position)).collect();
    root.forward(RowClass::Fast, rows).expect("rows");
    for position in 4..7 {
        root.forward(RowClass::Exact, vec![row(2, position)])
            .expect("a row");
    }
    for times in root.rank_times().expect("ranks that answer") {
        assert_eq!((times.fast.n_forwards, times.exact.n_forwards), (1, 3));
        for sums in [times.fast, times.exact] {
            assert!(!sums.compute.is_zero());
            let parts = sums.compute + sums.wait + sums.network;
            assert!(parts <= sums.total, "{parts:?} of {:?}", sums.total);
        }
    }
    for times in root.rank_times().expect("ranks that answer") {
        assert_eq!((times.fast.n_forwards, times.exact.n_forwards), (0, 0));
    }
}
