//! A token row's bits depend on that row alone: not on how many there are, on the
//! others, on their place, or on how the weights are cut.

use dllama_kernels::Kernels;

use crate::data::Random;
use crate::isas;
use crate::matmul::{F16F32, F32F32, Pair, Q40Panels, Q40Q80, Q80Q80, for_every_pair, product};

for_every_pair!(rows_do_not_depend_on_each_other, check_rows);

fn check_rows<P: Pair>(k: &Kernels) {
    let mut random = Random::new(8);
    // 150 rows cross the kernels' groups of 4 and of 64 tokens.
    let (row_len, n_out, n_tokens) = (27, 6, 150);
    let w = P::weights(&mut random, n_out * row_len);
    let x = P::inputs(&mut random, n_tokens * row_len);
    let all = product::<P>(k, &w, &x, row_len, n_out, n_tokens);
    for (first, last) in [
        (0, 1),
        (1, 2),
        (5, 7),
        (9, 12),
        (62, 67),
        (3, 149),
        (149, 150),
    ] {
        let x = &x[first * row_len..last * row_len];
        let some = product::<P>(k, &w, x, row_len, n_out, last - first);
        assert_same(&some, &all[first * n_out..last * n_out], P::NAME);
    }
}

for_every_pair!(weights_may_be_cut_anywhere, check_cuts);

fn check_cuts<P: Pair>(k: &Kernels) {
    let mut random = Random::new(9);
    // The weights of all pairs are more than the 256 KiB that a kernel keeps in cache.
    let row_len = if P::W::LEN == 1 { 320 } else { 10 };
    let (n_out, n_tokens) = (1600, 5);
    let w = P::weights(&mut random, n_out * row_len);
    let x = P::inputs(&mut random, n_tokens * row_len);
    let all = product::<P>(k, &w, &x, row_len, n_out, n_tokens);
    let cut = 1111;
    let left = product::<P>(k, &w[..cut * row_len], &x, row_len, cut, n_tokens);
    let right = product::<P>(k, &w[cut * row_len..], &x, row_len, n_out - cut, n_tokens);
    for (token, all) in all.chunks(n_out).enumerate() {
        assert_same(&left[token * cut..][..cut], &all[..cut], P::NAME);
        assert_same(
            &right[token * (n_out - cut)..][..n_out - cut],
            &all[cut..],
            P::NAME,
        );
    }
}

fn assert_same(a: &[f32], b: &[f32], name: &str) {
    assert_eq!(a.len(), b.len());
    let same = a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    assert!(same, "{name}: bits differ");
}

use crate::reference::Exact;
