//! Every collective over every world of 1 to 16 ranks: in memory, over TCP, and with one link that is
//! late, so that ranks come to a step long after others have gone through it.
//!
//! What a sum has to be is computed here by other means, to the bit: encode each partial, decode, add
//! in rank order, and for scattered sums encode and decode once more. It has no chunks and no pieces,
//! so that it holds for every way of cutting.

use crate::support::block_codec::BlockCodec;
use crate::support::{KINDS_AND_DELAYED, bytes, on_all_ranks, values};
use dllama_net::{AllReduce, Codec, F32Codec, LinkOptions, Mesh};

const BOTH: [AllReduce; 2] = [AllReduce::Direct, AllReduce::Scattered];
/// What `acc` holds before a sum is added.
const BEFORE: u64 = 99;

/// One test for each kind of link, which run side by side.
macro_rules! for_every_kind {
    ($($name:ident = $index:literal),*) => { $(
        #[test]
        fn $name() {
            for world_size in 1..=16 {
                let kind = KINDS_AND_DELAYED[$index];
                let meshes = kind.meshes(world_size, &LinkOptions::default());
                on_all_ranks(meshes, |mesh| {
                    // A rank that has ended waits for those that are still behind the slow link.
                    mesh.begin_run();
                    for codec in [&F32Codec as &dyn Codec, &BlockCodec] {
                        check_sums(&mesh, codec);
                    }
                    check_copies(&mesh);
                    mesh.end_run();
                    mesh
                });
            }
        }
    )* };
}

for_every_kind!(
    worlds_in_memory = 0,
    worlds_over_tcp = 1,
    sealed_worlds_in_memory = 2,
    sealed_worlds_over_tcp = 3,
    worlds_in_memory_with_one_late_link = 4,
    sealed_worlds_over_tcp_with_one_late_link = 5
);

/// Granules: none, fewer than ranks, as many, and numbers that no world but one divides.
fn sizes(world_size: usize) -> [usize; 6] {
    [0, 1, world_size - 1, world_size, world_size + 1, 509]
}

fn check_sums(mesh: &Mesh, codec: &dyn Codec) {
    for how in BOTH {
        for n_granules in sizes(mesh.world_size()) {
            let n = n_granules * codec.granularity();
            let partial = values(mesh.rank() as u64, n);
            let mut acc = values(BEFORE, n);
            mesh.all_reduce(how, codec, &partial, &mut acc)
                .expect("all-reduce");
            let expected = expected_sum(mesh.world_size(), how, codec, n);
            assert_same_bits(&acc, &expected, mesh, how);
        }
        check_pushed(mesh, how, codec);
    }
}

/// Pieces that no world divides, one of them empty, in runs of a granule.
fn check_pushed(mesh: &Mesh, how: AllReduce, codec: &dyn Codec) {
    let pieces = [5, 0, 1, 31, 17].map(|n_granules| n_granules * codec.granularity());
    let n = pieces.iter().sum();
    let partial = values(mesh.rank() as u64, n);
    let expected = expected_sum(mesh.world_size(), how, codec, n);
    let mut acc = values(BEFORE, n);
    if mesh.world_size() == 1 {
        // The engine pushes nothing where there is nobody to push to.
        return;
    }
    let mut reduction = mesh.begin_all_reduce(how, codec);
    let mut rest = &partial[..];
    for n in pieces {
        let piece;
        (piece, rest) = rest.split_at(n);
        reduction.push(piece.chunks(codec.granularity()));
    }
    let mut n_done = 0;
    let add = |number: usize, sum: &[f32]| {
        assert_eq!(sum.len(), pieces[number]);
        let acc = &mut acc[n_done..n_done + sum.len()];
        acc.iter_mut().zip(sum).for_each(|(acc, x)| *acc += x);
        n_done += sum.len();
    };
    reduction.finish(add).expect("all ranks push");
    assert_eq!(n_done, n);
    assert_same_bits(&acc, &expected, mesh, how);
}

fn expected_sum(world_size: usize, how: AllReduce, codec: &dyn Codec, n: usize) -> Vec<f32> {
    let encoded = |values: &[f32]| {
        let mut bytes = vec![0; codec.encoded_len(n)];
        codec.encode(values, &mut bytes);
        bytes
    };
    let mut sum = vec![0.0; n];
    if world_size == 1 {
        sum = values(0, n);
    } else {
        for rank in 0..world_size as u64 {
            codec.add_decoded(&encoded(&values(rank, n)), &mut sum);
        }
        if how == AllReduce::Scattered {
            let bytes = encoded(&sum);
            sum.fill(0.0);
            codec.add_decoded(&bytes, &mut sum);
        }
    }
    let before = values(BEFORE, n).into_iter();
    before.zip(sum).map(|(acc, x)| acc + x).collect()
}

fn assert_same_bits(got: &[f32], expected: &[f32], mesh: &Mesh, how: AllReduce) {
    let differs = |(got, expected): (&f32, &f32)| got.to_bits() != expected.to_bits();
    if let Some(at) = got.iter().zip(expected).position(differs) {
        panic!(
            "{how:?}, rank {} of {}: value {at} of {} is {}, not {}",
            mesh.rank(),
            mesh.world_size(),
            got.len(),
            got[at],
            expected[at]
        );
    }
    assert_eq!(got.len(), expected.len());
}

/// Broadcast and gather with each end as the root, and an all-gather of unequal parts.
fn check_copies(mesh: &Mesh) {
    let (own, world_size) = (mesh.rank(), mesh.world_size());
    for root in [0, world_size - 1] {
        for n_bytes in [0, 1, 4099] {
            let mine = bytes(own as u64, n_bytes);
            let mut got = mine.clone();
            mesh.broadcast(root, &mut got).expect("broadcast");
            assert_eq!(got, bytes(root as u64, n_bytes));

            let n_all = if own == root { n_bytes * world_size } else { 0 };
            let mut all = vec![0; n_all];
            mesh.gather(root, &mine, &mut all).expect("gather");
            let parts = (0..world_size as u64).flat_map(|rank| bytes(rank, n_bytes));
            assert!(own != root || parts.eq(all));
        }
    }
    // Every third part is empty.
    let sizes: Vec<_> = (0..world_size).map(|rank| rank % 3 * 701).collect();
    let mut all = vec![0; sizes.iter().sum()];
    mesh.all_gather(&bytes(own as u64, sizes[own]), &mut all, &sizes)
        .expect("all-gather");
    let parts = sizes.iter().enumerate();
    let expected = parts.flat_map(|(rank, n)| bytes(rank as u64, *n));
    assert!(expected.eq(all));
}
