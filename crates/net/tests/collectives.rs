//! Collectives against plain sums and copies, over every kind of link and several world sizes.

mod support;

use dllama_net::{Codec, F32Codec, Mesh};
use support::{CoarseCodec, on_all_ranks, values};

fn worlds() -> impl Iterator<Item = Vec<Mesh>> {
    [1, 2, 3, 5, 8]
        .into_iter()
        .map(|n| Mesh::in_memory(n).expect("socket pairs"))
}

/// Sizes around a block of the codec, and larger than a piece of 65536 values.
const N_VALUES: [usize; 5] = [0, 8, 24, 4096, 65536 + 65536 + 40];

fn all_reduce(codec: &'static (dyn Codec + Sync), tolerance: f32) {
    for meshes in worlds() {
        let world_size = meshes.len();
        let sums = on_all_ranks(meshes, move |mesh| {
            let rank = mesh.rank() as u64;
            N_VALUES.map(|n| {
                let mut acc = values(99, n);
                let partial = values(rank, n);
                mesh.all_reduce(codec, &partial, &mut acc)
                    .expect("all-reduce");
                acc
            })
        });
        for (index, n) in N_VALUES.into_iter().enumerate() {
            let mut expected = vec![0.0; n];
            for rank in 0..world_size as u64 {
                expected
                    .iter_mut()
                    .zip(values(rank, n))
                    .for_each(|(sum, x)| *sum += x);
            }
            expected
                .iter_mut()
                .zip(values(99, n))
                .for_each(|(sum, x)| *sum += x);
            let bits = |acc: &[f32]| acc.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            for sum in &sums {
                assert_eq!(bits(&sum[index]), bits(&sums[0][index]), "ranks differ");
                for (got, expected) in sum[index].iter().zip(&expected) {
                    let error = (got - expected).abs();
                    assert!(
                        error <= tolerance * world_size as f32,
                        "{got} is not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn all_reduce_of_f32_is_the_plain_sum_in_rank_order() {
    all_reduce(&F32Codec, 0.0);
}

/// A value is off by half a step a rank, and each of the sums by a few last places.
#[test]
fn all_reduce_of_a_lossy_codec_is_within_its_steps() {
    all_reduce(&CoarseCodec, CoarseCodec::STEP * 0.51);
}
