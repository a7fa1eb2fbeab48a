//! Partial sums as Q80 on the wire.

use bytemuck::{Zeroable, cast_slice, cast_slice_mut};

use dllama_kernels::{BLOCK_SIZE, BlockQ80, Kernels};
use dllama_net::Codec;

/// Blocks of 32 values in 34 bytes. Decoding rounds scale x q to f32 before the add, so that all
/// instruction sets agree.
pub(crate) struct Q80Codec(pub(crate) Kernels);

/// Blocks converted at a time where the bytes are not aligned for blocks.
const PIECE: usize = 64;

impl Codec for Q80Codec {
    fn granularity(&self) -> usize {
        BLOCK_SIZE
    }

    fn encoded_len(&self, n_values: usize) -> usize {
        n_values / BLOCK_SIZE * size_of::<BlockQ80>()
    }

    fn encode(&self, values: &[f32], out: &mut [u8]) {
        let mut blocks = [BlockQ80::zeroed(); PIECE];
        let pieces = values.chunks(PIECE * BLOCK_SIZE);
        let outs = out.chunks_mut(PIECE * size_of::<BlockQ80>());
        for (values, out) in pieces.zip(outs) {
            let blocks = &mut blocks[..values.len() / BLOCK_SIZE];
            // What cannot be quantised is NaN in the sum, where all ranks see it.
            let _ = self.0.quantize_q80(values, blocks);
            out.copy_from_slice(cast_slice(blocks));
        }
    }

    fn add_decoded(&self, bytes: &[u8], acc: &mut [f32]) {
        let mut blocks = [BlockQ80::zeroed(); PIECE];
        let pieces = bytes.chunks(PIECE * size_of::<BlockQ80>());
        for (bytes, acc) in pieces.zip(acc.chunks_mut(PIECE * BLOCK_SIZE)) {
            let blocks = &mut blocks[..acc.len() / BLOCK_SIZE];
            cast_slice_mut::<_, u8>(blocks).copy_from_slice(bytes);
            self.0.add_q80(acc, blocks);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use dllama_net::{AllReduce, ConnectOptions, Key, Listener, Mesh, Trust, connect};
    use half::f16;

    use super::*;

    /// What 32 values become on the wire, by the format's description (DESIGN.md, "Numbers").
    fn over_the_wire(values: &[f32]) -> impl Iterator<Item = f32> {
        let amax = values.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        let inverse = if amax == 0.0 { 0.0 } else { 127.0 / amax };
        let scale = f16::from_f32(amax / 127.0).to_f32();
        // An i8 has no negative zero.
        let steps = move |x: &f32| (x * inverse).round_ties_even() + 0.0;
        values.iter().map(move |x| steps(x) * scale)
    }

    /// Seeded, from -1 to 1 and of scales that differ from block to block; some blocks are 0.
    fn partial(rank: usize, n: usize) -> Vec<f32> {
        let hash = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (i << 7);
        let value = |i: usize| {
            let bits =
                hash((rank * 1_000_003 + i) as u64).wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
            let scale = [1.0, 1e-3, 40.0, 0.0, 1e-6][(i / BLOCK_SIZE + rank) % 5];
            (bits as f32 / (1 << 23) as f32 - 1.0) * scale
        };
        (0..n).map(value).collect()
    }

    fn expected(world_size: usize, how: AllReduce, n: usize) -> Vec<f32> {
        if world_size == 1 {
            return partial(0, n).iter().map(|x| 0.0 + x).collect();
        }
        let decoded = |values: &[f32]| -> Vec<f32> {
            values.chunks(BLOCK_SIZE).flat_map(over_the_wire).collect()
        };
        let mut sum = vec![0.0; n];
        for rank in 0..world_size {
            let part = decoded(&partial(rank, n));
            sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        }
        match how {
            AllReduce::Direct => sum,
            AllReduce::Scattered => decoded(&sum),
        }
    }

    fn check(mesh: &Mesh) {
        let codec = Q80Codec(Kernels::detect().expect("kernels"));
        mesh.begin_run();
        for how in [AllReduce::Direct, AllReduce::Scattered] {
            // Fewer blocks than ranks, and numbers that few worlds divide.
            for n in [0, 1, 3, 16, 17, 101].map(|n_blocks| n_blocks * BLOCK_SIZE) {
                let partial = partial(mesh.rank(), n);
                let expected = expected(mesh.world_size(), how, n);
                let mut sum = vec![0.0; n];
                mesh.all_reduce(how, &codec, &partial, &mut sum)
                    .expect("all-reduce");
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&sum), bits(&expected), "{how:?} of {n}");

                let mut reduction = mesh.begin_all_reduce(how, &codec);
                let (first, second) = partial.split_at(n / 3 / BLOCK_SIZE * BLOCK_SIZE);
                for piece in [first, second] {
                    reduction.push(piece.chunks(BLOCK_SIZE));
                }
                let mut pushed = Vec::with_capacity(n);
                let add = |_, sum: &[f32]| pushed.extend(sum.iter().map(|x| 0.0 + x));
                reduction.finish(add).expect("all ranks push");
                let is_alone = mesh.world_size() == 1;
                assert!(
                    is_alone || bits(&pushed) == bits(&expected),
                    "{how:?} of {n}"
                );
            }
        }
        mesh.end_run();
    }

    fn check_on_all(meshes: Vec<Mesh>) {
        thread::scope(|scope| {
            // All live until the last is done: one that closes early would be lost to the others.
            let threads: Vec<_> = meshes
                .iter()
                .map(|mesh| scope.spawn(|| check(mesh)))
                .collect();
            for thread in threads {
                thread.join().expect("a rank's sums");
            }
        });
    }

    fn trust() -> Trust {
        Trust::Token(Key::of_token("of the codec's tests").expect("long enough"))
    }

    /// A root with its workers on loopback.
    fn over_tcp(world_size: usize) -> Vec<Mesh> {
        let listen =
            |_| Listener::bind("127.0.0.1:0", trust(), Box::new(|_| ())).expect("a free port");
        let listeners: Vec<_> = (1..world_size).map(listen).collect();
        let addresses = listeners
            .iter()
            .map(|listener| listener.local_addr().to_string());
        let mut meshes =
            vec![connect(ConnectOptions::new(addresses.collect(), trust())).expect("workers")];
        meshes.extend(
            listeners
                .iter()
                .map(|listener| listener.accept().expect("a mesh")),
        );
        meshes
    }

    #[test]
    fn sums_of_every_world_are_those_of_the_format_to_the_bit() {
        for world_size in 1..=16 {
            check_on_all(Mesh::in_memory(world_size).expect("socket pairs"));
            check_on_all(over_tcp(world_size));
        }
    }
}
