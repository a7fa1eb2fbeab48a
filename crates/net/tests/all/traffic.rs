//! What a token costs on the wire, everything included, for the shapes that limits are set for. Sizes
//! do not depend on data, so that no model is needed: the collectives of a forward are enough.

use crate::support::{KINDS, Links, on_all_ranks};
use dllama_net::{AllReduce, Codec, F32Codec, LinkOptions, Mesh, Traffic};

/// The sizes of Q80: blocks of 32 values in 34 bytes.
struct Q80Sizes;

impl Codec for Q80Sizes {
    fn granularity(&self) -> usize {
        32
    }

    fn encoded_len(&self, n_values: usize) -> usize {
        n_values / 32 * 34
    }

    fn encode(&self, _: &[f32], out: &mut [u8]) {
        out.fill(0);
    }

    fn add_decoded(&self, _: &[u8], _: &mut [f32]) {}
}

/// Of Llama 2 7B and of Llama 3 8B.
const N_LAYERS: usize = 32;
const DIM: usize = 4096;
/// One row of a forward, with its class.
const FORWARD_BYTES: usize = 1 + 17;
/// 128 candidates of 8 bytes, their number and the log-sum-exp.
const RECORD_BYTES: usize = 8 + 128 * 8;

/// What the ranks do for a token.
fn token(mesh: &Mesh, how: AllReduce, codec: &dyn Codec) {
    mesh.begin_run();
    let is_root = mesh.rank() == 0;
    if is_root {
        for worker in 1..mesh.world_size() {
            mesh.send_control(worker, 4, &[0; FORWARD_BYTES])
                .expect("sent");
        }
    } else {
        mesh.receive_control(0, FORWARD_BYTES).expect("received");
    }
    // The embedding row as it is stored at most: Q80.
    mesh.broadcast(0, &mut vec![0; Q80Sizes.encoded_len(DIM)])
        .expect("broadcast");
    let (partial, mut acc) = (vec![0.0; DIM], vec![0.0; DIM]);
    for _ in 0..2 * N_LAYERS {
        mesh.all_reduce(how, codec, &partial, &mut acc)
            .expect("all-reduce");
    }
    let mut all = vec![
        0;
        if is_root {
            RECORD_BYTES * mesh.world_size()
        } else {
            0
        }
    ];
    mesh.gather(0, &[0; RECORD_BYTES], &mut all)
        .expect("gather");
    mesh.end_run();
}

fn traffic(
    kind: Links,
    world_size: usize,
    how: AllReduce,
    codec: &'static (dyn Codec + Sync),
) -> Vec<Traffic> {
    let meshes = kind.meshes(world_size, &LinkOptions::default());
    on_all_ranks(meshes, move |mesh| {
        token(&mesh, how, codec);
        let traffic = mesh.traffic();
        // Nobody closes before all have counted.
        (mesh, traffic)
    })
    .into_iter()
    .map(|(_mesh, traffic)| traffic)
    .collect()
}

const KIB: u64 = 1024;

/// The payload alone is 544 KiB with Q80, and 2048 KiB with F32.
#[test]
fn a_token_of_7b_over_two_nodes_costs_560_kib_and_2100_with_f32() {
    for kind in KINDS {
        let q80 = traffic(kind, 2, AllReduce::Direct, &Q80Sizes)[0];
        let f32 = traffic(kind, 2, AllReduce::Direct, &F32Codec)[0];
        let of = |root: Traffic| root.sent_bytes + root.received_bytes;
        assert!(of(q80) <= 560 * KIB, "{kind:?}: {}", of(q80));
        assert!(of(f32) <= 2100 * KIB, "{kind:?}: {}", of(f32));
    }
}

/// The payload of the sums alone is 476 KiB, in 896 messages.
#[test]
fn a_token_of_8b_over_eight_nodes_costs_a_worker_500_kib_and_the_root_535() {
    for kind in KINDS {
        let ranks = traffic(kind, 8, AllReduce::Scattered, &Q80Sizes);
        for (
            rank,
            Traffic {
                sent_bytes,
                received_bytes,
                ..
            },
        ) in ranks.into_iter().enumerate()
        {
            let limit = if rank == 0 { 535 } else { 500 } * KIB;
            let figures = format!("{kind:?} rank {rank}: {sent_bytes} {received_bytes}");
            assert!(sent_bytes <= limit && received_bytes <= limit, "{figures}");
        }
    }
}

/// A message of a decode step, encrypted: two bytes of length, one of kind, 16 that prove it.
#[test]
fn a_sealed_decode_message_costs_19_bytes() {
    let root = traffic(Links::SealedTcp, 2, AllReduce::Direct, &Q80Sizes)[0];
    let n_sums = 2 * N_LAYERS;
    let sums = n_sums * (Q80Sizes.encoded_len(DIM) + 19);
    let broadcast = Q80Sizes.encoded_len(DIM) + 19;
    let control = FORWARD_BYTES + 20;
    // Heartbeats, each of 20 bytes, come when they come; the last of a run is one, too.
    let heartbeats = |bytes: u64, others: usize| {
        let rest = (bytes as usize).checked_sub(others).expect("all of them");
        assert!(rest.is_multiple_of(20) && rest < 1000, "{rest} bytes more");
    };
    heartbeats(root.sent_bytes, sums + broadcast + control);
    heartbeats(root.received_bytes, sums + RECORD_BYTES + 19);
}
