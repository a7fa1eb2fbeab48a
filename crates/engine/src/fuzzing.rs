//! Doors for the fuzz targets in `fuzz/`, which `--cfg fuzzing` alone opens.

use std::path::Path;
use std::sync::OnceLock;

use dllama_kernels::{Kernels, Pool};
use dllama_net::Mesh;

use crate::cache::{KeptHashes, kept_hashes};
use crate::matmul_rates::MatmulRates;
use crate::plan::Plan;
use crate::program::ValidProgram;
use crate::rank::{Digest, RankTimes, RecordShape};
use crate::roles::keeper::Keeper;
use crate::roles::messages::{
    DEVICE, DIGEST, FORWARD, HASHES, MEASURE, RATES, READY, REPAIR, SOURCES, TIMES, TRUNCATE,
};
use crate::roles::planning::Rounds;
use crate::roles::session::Session;
use crate::roles::truncation;
use crate::roles::{DeviceFacts, Storage};
use crate::rows;
use crate::transfer::manifest;
use crate::transfer::{Sender, Step};
use crate::weights::ModelFile;

/// Rows of a forward, as a root sends them.
pub fn rows(bytes: &[u8]) {
    if let Ok((class, rows)) = rows::decode(bytes) {
        assert_eq!(rows::encode(class, &rows), bytes);
    }
}

/// The agreements of a session.
pub fn plan(bytes: &[u8]) {
    if let Some(plan) = Plan::decode(bytes) {
        assert_eq!(Plan::decode(&plan.encode()), Some(plan));
    }
}

/// Short messages between root and worker: a tag, a number of two bytes that the reader knows, and the
/// message. Behind [`FORWARD`] it is the workers' candidates.
pub fn message(bytes: &[u8]) {
    let Some((&[tag, low, high], bytes)) = bytes.split_first_chunk::<3>() else {
        return;
    };
    let n = usize::from(u16::from_le_bytes([low, high]));
    match tag {
        HASHES => {
            if let Ok(hashes) = manifest::decode_hashes(bytes, n) {
                assert!(hashes.len() <= n);
                assert_eq!(manifest::encode_hashes(&hashes), bytes);
            }
        }
        SOURCES => {
            if let Ok((ready_bytes, sources)) = manifest::decode_sources(1, bytes, n) {
                assert_eq!(sources.len(), n);
                assert_eq!(manifest::encode_sources(ready_bytes, &sources), bytes);
            }
        }
        READY => {
            if let Ok(ready_bytes) = manifest::decode_ready(1, bytes) {
                assert_eq!(manifest::encode_ready(ready_bytes), bytes);
            }
        }
        REPAIR => {
            if let Ok(indices) = manifest::decode_indices(1, bytes, n) {
                assert!(indices.iter().all(|&index| index < n));
                assert_eq!(manifest::encode_indices(&indices), bytes);
            }
        }
        DEVICE => {
            if let Some(facts) = DeviceFacts::decode(bytes) {
                assert_eq!(facts.encode(), bytes);
            }
        }
        RATES => {
            if let Some(rates) = MatmulRates::decode(bytes) {
                assert_eq!(rates.encode(), bytes);
            }
        }
        TIMES => {
            if let Some(times) = RankTimes::decode(bytes) {
                assert_eq!(RankTimes::decode(&times.encode()), Some(times));
            }
        }
        DIGEST => {
            if let Some(digest) = Digest::decode(bytes) {
                assert_eq!(digest.encode(), bytes);
            }
        }
        MEASURE => {
            if let Ok(rounds) = Rounds::decode(bytes) {
                assert_eq!(rounds.encode(), bytes);
            }
        }
        TRUNCATE => {
            if let Some(all) = truncation::decode(bytes) {
                assert_eq!(truncation::encode(&all), bytes);
            }
        }
        FORWARD => candidates(n, bytes),
        _ => {}
    }
}

/// What ranks send of one row; `k` is of the Program.
fn candidates(k: usize, bytes: &[u8]) {
    const VOCAB_SPLIT: [u32; 3] = [5, 0, 4];
    let shape = RecordShape::new(&VOCAB_SPLIT, k as u32);
    if bytes.len() != shape.n_bytes() * VOCAB_SPLIT.len() {
        return;
    }
    let records = bytes.chunks_exact(shape.n_bytes());
    if let Ok(Some(result)) = shape.merge(records, &VOCAB_SPLIT, k) {
        let all = &result.candidates;
        assert!(all.len() <= k);
        assert!(all.iter().all(|one| one.index < 9 && one.logit.is_finite()));
        assert!(!result.log_sum_exp.is_nan());
    }
}

/// The hashes of a model file as the cache keeps them, and as they are with a checksum that is right.
pub fn kept_hashes(bytes: &[u8]) {
    assert!(kept_hashes::decode(bytes).is_none_or(|hashes| hashes.len() * 61 < bytes.len()));
    let checked = blake3::hash(bytes);
    if let Some(hashes) = kept_hashes::decode(&[bytes, checked.as_bytes()].concat()) {
        let again = kept_hashes::decode(&kept_hashes::encode(&hashes));
        assert_eq!(again, Some(hashes));
    }
}

/// A root's transfer of its file to a worker that answers whatever `mesh` brings.
pub fn transfer(mesh: &Mesh, program: &[u8], model: &Path) {
    static PARTS: OnceLock<(ValidProgram, ModelFile, KeptHashes)> = OnceLock::new();
    let (program, file, hashes) = PARTS.get_or_init(|| {
        let program = ValidProgram::parse(program).expect("a valid program");
        let file = ModelFile::open(model).expect("a file");
        let hashes = KeptHashes::of(None, &file);
        (program, file, hashes)
    });
    let sender = Sender {
        mesh,
        rank: 1,
        program,
        file,
        hashes,
        tell: &|step| {
            if let Step::Sent(n_bytes) | Step::Repaired(n_bytes) = step {
                assert!(n_bytes <= file.bytes().len());
            }
        },
    };
    if let Err(error) = sender.run() {
        assert!(!error.code().is_empty() && !error.to_string().is_empty());
    }
}

/// A worker's whole session, from its first message to the goodbye, with whatever `mesh` brings.
pub fn session(mesh: &Mesh) {
    static PARTS: OnceLock<(Pool, Kernels)> = OnceLock::new();
    let (pool, kernels) = PARTS.get_or_init(|| {
        let kernels = Kernels::detect().expect("kernels");
        (Pool::new(1).expect("no thread beside this one"), kernels)
    });
    // A keeper of its own: what one input leaves must not change the next one's course.
    let keeper = Keeper::new(Storage::default(), |_| ()).expect("nothing to open");
    let session = Session {
        mesh,
        pool,
        kernels: *kernels,
        n_threads: 1,
        max_memory: Some(1 << 30),
        keeper: &keeper,
    };
    if let Err(error) = session.serve(&|_| ()) {
        assert!(!error.code().is_empty() && !error.to_string().is_empty());
    }
}
