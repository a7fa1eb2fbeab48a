//! Collectives against plain sums and copies, over every kind of link and several world sizes.

use std::time::Duration;

use crate::support::block_codec::BlockCodec;
use crate::support::{CoarseCodec, KINDS, bytes, on_all_ranks, values, watched, worlds};
use dllama_net::{AllReduce, Codec, F32Codec, LinkOptions, Mesh};

const WORLD_SIZES: &[usize] = &[1, 2, 3, 4, 5, 7, 8];
const BOTH: [AllReduce; 2] = [AllReduce::Direct, AllReduce::Scattered];

/// Sizes around a block of the codec, with fewer blocks than ranks, and larger than a piece of 65536
/// values, or of as many for each of two ranks.
const N_VALUES: [usize; 5] = [0, 8, 24, 4096, 65536 + 65536 + 40];

/// Every rank's `acc` of each length, checked to have the same bits on all ranks.
fn sums(meshes: Vec<Mesh>, how: AllReduce, codec: &'static (dyn Codec + Sync)) -> Vec<Vec<f32>> {
    let mut sums = on_all_ranks(meshes, move |mesh| {
        Vec::from(N_VALUES.map(|n| {
            let mut acc = values(99, n);
            let partial = values(mesh.rank() as u64, n);
            mesh.all_reduce(how, codec, &partial, &mut acc)
                .expect("all-reduce");
            acc
        }))
    });
    let bits = |sum: &Vec<f32>| sum.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let first = sums.swap_remove(0);
    for other in sums {
        assert!(
            other.iter().map(bits).eq(first.iter().map(bits)),
            "ranks differ"
        );
    }
    first
}

fn check_all_reduce(how: AllReduce, codec: &'static (dyn Codec + Sync), tolerance: f32) {
    for meshes in worlds(WORLD_SIZES) {
        let world_size = meshes.len();
        for (sum, n) in sums(meshes, how, codec).into_iter().zip(N_VALUES) {
            let mut expected = vec![0.0; n];
            for seed in (0..world_size as u64).chain([99]) {
                expected
                    .iter_mut()
                    .zip(values(seed, n))
                    .for_each(|(sum, x)| *sum += x);
            }
            for (got, expected) in sum.iter().zip(&expected) {
                let error = (got - expected).abs();
                assert!(
                    error <= tolerance * world_size as f32,
                    "{how:?} over {world_size} ranks: {got} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn all_reduce_of_f32_is_the_plain_sum_in_rank_order() {
    for how in BOTH {
        check_all_reduce(how, &F32Codec, 0.0);
    }
}

/// A value is off by half a step a rank, and by another half where sums are encoded again; the
/// hundredth part is for the last places of the sums.
#[test]
fn all_reduce_of_a_lossy_codec_is_within_its_steps() {
    check_all_reduce(AllReduce::Direct, &CoarseCodec, CoarseCodec::STEP * 0.51);
    // One rank encodes nothing: the half step more is spread over two ranks at least.
    let once_more = CoarseCodec::STEP * 0.25;
    check_all_reduce(
        AllReduce::Scattered,
        &CoarseCodec,
        CoarseCodec::STEP * 0.51 + once_more,
    );
}

/// All ranks, a chunk's owner included, go on from the encoded sum.
#[test]
fn scattered_sums_are_encoded_again() {
    const N: usize = 64;
    for meshes in worlds(&[3, 5]) {
        let world_size = meshes.len();
        let sums = on_all_ranks(meshes, |mesh| {
            let mut acc = vec![0.0; N];
            let partial = values(mesh.rank() as u64, N);
            let how = AllReduce::Scattered;
            mesh.all_reduce(how, &CoarseCodec, &partial, &mut acc)
                .expect("all-reduce");
            acc
        });
        let coarse = |values: &[f32]| {
            let mut bytes = vec![0; N];
            CoarseCodec.encode(values, &mut bytes);
            bytes
        };
        let mut plain = vec![0.0; N];
        for rank in 0..world_size as u64 {
            CoarseCodec.add_decoded(&coarse(&values(rank, N)), &mut plain);
        }
        let mut expected = vec![0.0; N];
        CoarseCodec.add_decoded(&coarse(&plain), &mut expected);
        assert!(sums.iter().all(|sum| *sum == expected));
    }
}

/// Pieces of several sizes, none and one granule among them, as `push` gets them: in runs of 8.
#[test]
fn pieces_that_are_pushed_add_up_to_the_same_bits() {
    const PIECES: [usize; 6] = [8, 0, 40_000, 24, 65_536, 8];
    for how in BOTH {
        for meshes in worlds(&[2, 3, 5, 8]) {
            on_all_ranks(meshes, move |mesh| {
                for codec in [&CoarseCodec as &dyn Codec, &F32Codec] {
                    let partial = values(mesh.rank() as u64, PIECES.iter().sum());
                    let mut expected = values(99, partial.len());
                    let mut acc = expected.clone();
                    mesh.all_reduce(how, codec, &partial, &mut expected)
                        .expect("all-reduce");
                    let mut reduction = mesh.begin_all_reduce(how, codec);
                    let mut rest = &partial[..];
                    for n in PIECES {
                        let piece;
                        (piece, rest) = rest.split_at(n);
                        reduction.push(piece.chunks(8));
                    }
                    let mut done = 0;
                    let add = |number: usize, sum: &[f32]| {
                        assert_eq!(sum.len(), PIECES[number]);
                        let acc = &mut acc[done..done + sum.len()];
                        acc.iter_mut().zip(sum).for_each(|(acc, x)| *acc += x);
                        done += sum.len();
                    };
                    reduction.finish(add).expect("all ranks push");
                    assert_eq!(acc, expected);
                    let mut all = vec![0; mesh.world_size()];
                    let sizes = vec![1; mesh.world_size()];
                    mesh.all_gather(&[7], &mut all, &sizes).expect("in step");
                }
            });
        }
    }
}

/// Every rank has posted 8 MiB, which its sockets do not hold, before any of them reads.
#[test]
fn posted_pieces_that_no_socket_holds_do_not_deadlock() {
    const N_PIECES: usize = 8;
    for (how, kind) in BOTH
        .into_iter()
        .flat_map(|how| KINDS.map(|kind| (how, kind)))
    {
        let options = LinkOptions {
            socket_buffer_bytes: Some(8 << 10),
            ..LinkOptions::default()
        };
        on_all_ranks(kind.meshes(3, &options), move |mesh| {
            mesh.begin_run();
            let mut reduction = mesh.begin_all_reduce(how, &F32Codec);
            for piece in 0..N_PIECES {
                let partial = vec![piece as f32; 1 << 18];
                reduction.push([&partial[..]].into_iter());
            }
            let mut n_done = 0;
            let add = |number: usize, sum: &[f32]| {
                assert!(sum.iter().all(|x| *x == 3.0 * number as f32));
                n_done += 1;
            };
            reduction.finish(add).expect("all ranks push");
            assert_eq!(n_done, N_PIECES);
            mesh.end_run();
            // Whoever is done first must not close its connections under the others.
            mesh
        });
    }
}

/// Wherever the value is, no rank waits for another: all go on, with the same sums.
#[test]
fn what_is_no_number_comes_out_on_all_ranks_where_it_went_in() {
    // In several pieces, and in chunks of different ranks.
    const N: usize = 140_000;
    const PLACES: [usize; 4] = [0, 70_000, 135_000, N - 1];
    for how in BOTH {
        for meshes in worlds(&[1, 2, 3]) {
            on_all_ranks(meshes, move |mesh| {
                for codec in [&BlockCodec as &dyn Codec, &F32Codec] {
                    let clean = values(mesh.rank() as u64, N);
                    let mut expected = vec![0.0; N];
                    mesh.all_reduce(how, codec, &clean, &mut expected)
                        .expect("all-reduce");
                    for broken in [f32::NAN, f32::INFINITY] {
                        let mut partial = clean.clone();
                        if mesh.rank() == mesh.world_size() - 1 {
                            PLACES.iter().for_each(|&at| partial[at] = broken);
                        }
                        let mut sum = vec![0.0; N];
                        mesh.all_reduce(how, codec, &partial, &mut sum)
                            .expect("all-reduce");
                        assert_broken_at(&PLACES, &sum, &expected, codec);
                        if mesh.world_size() > 1 {
                            let pushed = push(&mesh, how, codec, &partial);
                            assert_broken_at(&PLACES, &pushed, &expected, codec);
                        }
                    }
                }
                let mut all = vec![0; mesh.world_size()];
                let sizes = vec![1; mesh.world_size()];
                mesh.all_gather(&[7], &mut all, &sizes).expect("in step");
            });
        }
    }
}

/// The sum is infinite where all partials are finite: only its owner can tell, and goes on.
#[test]
fn a_sum_that_overflows_comes_out_on_all_ranks() {
    for how in BOTH {
        for meshes in worlds(&[2, 3]) {
            on_all_ranks(meshes, move |mesh| {
                let mut partial = vec![1.0; 3000];
                let mut expected = vec![0.0; 3000];
                mesh.all_reduce(how, &F32Codec, &partial, &mut expected)
                    .expect("all-reduce");
                // In the chunk of rank 1, of two ranks and of three.
                partial[1700] = f32::MAX;
                let mut sum = vec![0.0; 3000];
                mesh.all_reduce(how, &F32Codec, &partial, &mut sum)
                    .expect("all-reduce");
                assert_eq!(sum[1700], f32::INFINITY);
                assert_broken_at(&[1700], &sum, &expected, &F32Codec);
            });
        }
    }
}

/// The sum of a partial that is pushed in two pieces.
fn push(mesh: &Mesh, how: AllReduce, codec: &dyn Codec, partial: &[f32]) -> Vec<f32> {
    let mut reduction = mesh.begin_all_reduce(how, codec);
    let (first, second) = partial.split_at(partial.len() / 3 / 32 * 32);
    for piece in [first, second] {
        reduction.push([piece].into_iter());
    }
    let mut sum = Vec::with_capacity(partial.len());
    let add = |_, piece: &[f32]| sum.extend(piece.iter().map(|x| 0.0 + x));
    reduction.finish(add).expect("all ranks push");
    sum
}

/// Granules with one of `places` are not finite there, and all others have the expected bits.
fn assert_broken_at(places: &[usize], sum: &[f32], expected: &[f32], codec: &dyn Codec) {
    let granule = |at: usize| at / codec.granularity();
    for (at, (got, expected)) in sum.iter().zip(expected).enumerate() {
        if places.contains(&at) {
            assert!(!got.is_finite(), "value {at} is {got}");
        } else if !places.iter().any(|&place| granule(place) == granule(at)) {
            assert_eq!(got.to_bits(), expected.to_bits(), "value {at}");
        }
    }
    assert_eq!(sum.len(), expected.len());
}

#[test]
fn broadcast_gives_all_ranks_the_roots_bytes() {
    for meshes in worlds(WORLD_SIZES) {
        let world_size = meshes.len();
        on_all_ranks(meshes, move |mesh| {
            for root in 0..world_size {
                for n_bytes in [0, 1, 17, 300_000] {
                    let mut got = bytes(mesh.rank() as u64, n_bytes);
                    mesh.broadcast(root, &mut got).expect("broadcast");
                    assert_eq!(got, bytes(root as u64, n_bytes));
                }
            }
        });
    }
}

#[test]
fn gather_gives_the_root_all_parts_in_rank_order() {
    for meshes in worlds(WORLD_SIZES) {
        let world_size = meshes.len();
        on_all_ranks(meshes, move |mesh| {
            for root in 0..world_size {
                for n_bytes in [0, 1, 320, 100_000] {
                    let mine = bytes(mesh.rank() as u64, n_bytes);
                    let is_root = mesh.rank() == root;
                    let mut all = vec![0; if is_root { n_bytes * world_size } else { 0 }];
                    mesh.gather(root, &mine, &mut all).expect("gather");
                    let parts = (0..world_size as u64).flat_map(|rank| bytes(rank, n_bytes));
                    assert!(!is_root || parts.eq(all));
                }
            }
        });
    }
}

#[test]
fn all_gather_takes_parts_of_unequal_size() {
    for meshes in worlds(WORLD_SIZES) {
        let world_size = meshes.len();
        on_all_ranks(meshes, move |mesh| {
            // Every third part is empty.
            let sizes: Vec<_> = (0..world_size).map(|rank| rank % 3 * 70_001).collect();
            let mine = bytes(mesh.rank() as u64, sizes[mesh.rank()]);
            let mut all = vec![0; sizes.iter().sum()];
            mesh.all_gather(&mine, &mut all, &sizes)
                .expect("all-gather");
            let parts = sizes.iter().enumerate();
            assert!(parts.flat_map(|(rank, n)| bytes(rank as u64, *n)).eq(all));
        });
    }
}

#[test]
fn control_messages_keep_their_tag_length_and_order() {
    for meshes in worlds(&[2, 3]) {
        on_all_ranks(meshes, |mesh| {
            const N_BYTES: [usize; 4] = [0, 1, 100, 500_000];
            if mesh.rank() == 0 {
                for to in 1..mesh.world_size() {
                    for (tag, n_bytes) in (7..).zip(N_BYTES) {
                        mesh.send_control(to, tag, &bytes(to as u64, n_bytes))
                            .expect("sent");
                    }
                }
            } else {
                for (tag, n_bytes) in (7..).zip(N_BYTES) {
                    let message = mesh.receive_control(0, 500_000).expect("received");
                    assert_eq!(message, (tag, bytes(mesh.rank() as u64, n_bytes)));
                }
            }
        });
    }
}

/// Both ranks write 8 MiB into sockets that hold a thousandth of it before either has read.
#[test]
fn large_messages_through_small_sockets_do_not_deadlock() {
    for kind in KINDS {
        let options = LinkOptions {
            socket_buffer_bytes: Some(8 << 10),
            ..LinkOptions::default()
        };
        on_all_ranks(kind.meshes(2, &options), |mesh| {
            const N_VALUES: usize = 512 * 4096;
            let partial = values(mesh.rank() as u64, N_VALUES);
            let mut acc = vec![0.0; N_VALUES];
            mesh.begin_run();
            for how in BOTH {
                acc.fill(0.0);
                mesh.all_reduce(how, &F32Codec, &partial, &mut acc)
                    .expect("all-reduce");
            }
            let mine: Vec<u8> = partial.iter().flat_map(|x| x.to_le_bytes()).collect();
            let mut all = vec![0; mine.len() * 2];
            let sizes = [mine.len(); 2];
            mesh.all_gather(&mine, &mut all, &sizes)
                .expect("all-gather");
            mesh.end_run();
            let part = |rank| values(rank, N_VALUES);
            assert!(part(0).iter().zip(part(1)).map(|(a, b)| a + b).eq(acc));
            let both = part(0).into_iter().chain(part(1));
            assert!(both.flat_map(f32::to_le_bytes).eq(all));
        });
    }
}

/// A header of 16 bytes; or, encrypted, two of length, kind and tag, and 16 that prove them.
#[test]
fn traffic_counts_headers_and_payload_on_both_sides() {
    for kind in KINDS {
        watched(move || {
            let header: u64 = if kind.is_sealed() { 2 + 2 + 16 } else { 16 };
            let mut meshes = kind.meshes(2, &LinkOptions::default());
            let (worker, root) = (meshes.remove(1), meshes.remove(0));
            root.send_control(1, 0, &[0; 1000]).expect("sent");
            worker.receive_control(0, 1000).expect("received");
            let (sent, received) = (root.traffic(), worker.traffic());
            assert_eq!((sent.sent_bytes, sent.received_bytes), (1000 + header, 0));
            assert_eq!(
                (received.sent_bytes, received.received_bytes),
                (0, 1000 + header)
            );
            assert!(received.waited > Duration::ZERO);
        });
    }
}
