//! Quantising: the stated rule, bit for bit, and what it refuses.

use dllama_kernels::{BlockQ40, BlockQ80, NotFinite, f16};

use crate::data::Random;
use crate::isas;

const NO_Q80: BlockQ80 = BlockQ80 {
    scale: f16::ZERO,
    quants: [99; 32],
};
const NO_Q40: BlockQ40 = BlockQ40 {
    scale: f16::ZERO,
    quants: [99; 16],
};

/// The rule as it is written, on a block.
fn q80_by_the_rule(x: &[f32]) -> BlockQ80 {
    let amax = x.iter().fold(0f32, |amax, x| amax.max(x.abs()));
    let inverse = 127.0 / amax;
    let q = |x: f32| {
        if inverse.is_finite() {
            (x * inverse).round_ties_even()
        } else {
            0.0
        }
    };
    BlockQ80 {
        scale: f16::from_f32(amax / 127.0),
        quants: std::array::from_fn(|i| q(x[i]) as i8),
    }
}

fn q40_by_the_rule(x: &[f32]) -> BlockQ40 {
    let largest = x
        .iter()
        .fold(0f32, |max, &x| if x.abs() > max.abs() { x } else { max });
    let d = largest / -8.0;
    let inverse = 1.0 / d;
    let inverse = if inverse.is_finite() { inverse } else { 0.0 };
    let q = |x: f32| (x * inverse + 8.5).trunc().min(15.0) as u8;
    BlockQ40 {
        scale: f16::from_f32(d),
        quants: std::array::from_fn(|i| q(x[i]) | q(x[i + 16]) << 4),
    }
}

/// Blocks at every size of number, and the special ones.
fn blocks() -> Vec<f32> {
    let mut random = Random::new(10);
    let mut x = Vec::new();
    for exponent in -149..19 {
        let size = 2f64.powi(exponent);
        x.extend((0..64).map(|_| (f64::from(random.unit()) * size) as f32));
    }
    x.extend([0.0; 32]);
    x.extend([-0.0; 32]);
    x.extend([f32::from_bits(1); 32]); // the smallest subnormal
    x.extend([-f32::MIN_POSITIVE; 32]);
    x.extend((0..32).map(|i| i as f32 - 16.0));
    // With 127 the inverse is 1: every value stands half way between two quants.
    x.extend((0..32).map(|i| if i == 9 { -127.0 } else { i as f32 - 20.5 }));
    x
}

#[test]
fn q80_follows_the_rule_in_every_bit() {
    let blocks = blocks();
    for k in isas::all() {
        for n in [0, 1, 2, 3, blocks.len() / 32] {
            // One value into the buffer, so that no vector is aligned.
            let mut x = vec![0.0];
            x.extend(&blocks[blocks.len() - n * 32..]);
            let mut out = vec![NO_Q80; n];
            assert_eq!(k.quantize_q80(&x[1..], &mut out), Ok(()));
            for (x, got) in x[1..].chunks(32).zip(out) {
                assert_eq!(got, q80_by_the_rule(x), "{} {x:?}", k.isa());
            }
        }
    }
}

#[test]
fn q40_follows_the_rule_in_every_bit() {
    let blocks = blocks();
    for k in isas::all() {
        let mut out = vec![NO_Q40; blocks.len() / 32];
        assert_eq!(k.quantize_q40(&blocks, &mut out), Ok(()));
        for (x, got) in blocks.chunks(32).zip(out) {
            assert_eq!(got, q40_by_the_rule(x), "{} {x:?}", k.isa());
        }
    }
}

#[test]
fn ties_go_to_even_and_values_come_back() {
    for k in isas::all() {
        let mut x = [0.0; 32];
        x[..8].copy_from_slice(&[127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -127.0]);
        let mut out = [NO_Q80];
        k.quantize_q80(&x, &mut out).unwrap();
        assert_eq!(out[0].quants[..8], [127, 0, 2, 2, 0, -2, -2, -127]);
        assert_eq!(out[0].scale, f16::ONE);

        // Of two equal magnitudes the first counts: -8 is a quant, +8 is not.
        let mut x = [0.0; 32];
        x[..5].copy_from_slice(&[-8.0, 8.0, 7.0, -3.0, 0.4]);
        let mut out = [NO_Q40];
        k.quantize_q40(&x, &mut out).unwrap();
        let nibbles: Vec<u8> = out[0].quants[..5].iter().map(|q| q & 15).collect();
        assert_eq!(nibbles, [0, 15, 15, 5, 8]);
        assert!(out[0].quants.iter().all(|q| q >> 4 == 8));
    }
}

#[test]
fn a_value_that_is_not_finite_is_named() {
    let mut random = Random::new(11);
    let good = random.floats(96);
    for k in isas::all() {
        for broken in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for index in 0..96 {
                let mut x = good.clone();
                x[index] = broken;
                x[95] = broken; // the first of two
                let error = Err(NotFinite { index });
                assert_eq!(k.quantize_q80(&x, &mut [NO_Q80; 3]), error, "{}", k.isa());
                assert_eq!(k.quantize_q40(&x, &mut [NO_Q40; 3]), error, "{}", k.isa());
            }
        }
    }
}

/// What cannot be quantised: no number, infinite, or a scale beyond F16.
pub const BROKEN: [f32; 6] = [
    f32::NAN,
    -f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    65_520.0 * 127.0,
    f32::MIN,
];

#[test]
fn a_block_that_cannot_be_quantised_is_a_nan_and_its_neighbours_are_as_without_it() {
    let mut random = Random::new(12);
    // A vector of blocks and some more.
    let good = random.floats(19 * 32);
    for k in isas::all() {
        let mut expected = [NO_Q80; 19];
        k.quantize_q80(&good, &mut expected).unwrap();
        for broken in BROKEN {
            for bad in 0..19 {
                let mut x = good.clone();
                x[bad * 32 + bad] = broken;
                x[18 * 32 + 5] = broken;
                let mut out = [NO_Q80; 19];
                // The first of the two in the last block.
                let within = if bad == 18 { 5 } else { bad };
                let error = Err(NotFinite {
                    index: bad * 32 + within,
                });
                assert_eq!(k.quantize_q80(&x, &mut out), error, "{}", k.isa());
                for (i, (got, expected)) in out.iter().zip(&expected).enumerate() {
                    if i == bad || i == 18 {
                        assert_eq!(got.scale.to_bits(), f16::NAN.to_bits(), "{}", k.isa());
                        assert_eq!(got.quants, [0; 32], "{}", k.isa());
                    } else {
                        assert_eq!(got, expected, "{}", k.isa());
                    }
                }
            }
        }
    }
}

#[test]
fn a_scale_beyond_f16_is_an_error() {
    // f16 rounds 65,520 and above to infinity.
    for k in isas::all() {
        for (index, sign) in [(40, 1.0), (33, -1.0)] {
            let mut x = [0.0; 64];
            let q80 = |x: &[f32]| k.quantize_q80(x, &mut [NO_Q80; 2]);
            x[index] = sign * (65_520.0 * 127.0f32).next_down();
            assert_eq!(q80(&x), Ok(()));
            x[index] = sign * 65_520.0 * 127.0;
            assert_eq!(q80(&x), Err(NotFinite { index }));

            let q40 = |x: &[f32]| k.quantize_q40(x, &mut [NO_Q40; 2]);
            x[index] = sign * (65_520.0 * 8.0f32).next_down();
            assert_eq!(q40(&x), Ok(()));
            x[index] = sign * 65_520.0 * 8.0;
            assert_eq!(q40(&x), Err(NotFinite { index }));
        }
    }
}
