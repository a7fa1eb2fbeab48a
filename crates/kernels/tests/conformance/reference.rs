//! The formats in f64, and how far an f32 sum may be from the exact one.

use dllama_kernels::{BlockQ40, BlockQ80, f16};

/// Half of f32's last place, relative: the error of one rounding.
pub const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;

/// A format whose values are known exactly.
pub trait Exact: Copy {
    /// Values in one element of the format.
    const LEN: usize;
    fn values(&self) -> Vec<f64>;
}

impl Exact for f32 {
    const LEN: usize = 1;
    fn values(&self) -> Vec<f64> {
        vec![f64::from(*self)]
    }
}

impl Exact for f16 {
    const LEN: usize = 1;
    fn values(&self) -> Vec<f64> {
        let bits = self.to_bits();
        let exponent = i32::from(bits >> 10 & 31);
        let fraction = f64::from(bits & 0x3ff);
        let magnitude = match exponent {
            0 => fraction * 2f64.powi(-24),
            31 if fraction == 0.0 => f64::INFINITY,
            31 => f64::NAN,
            _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
        };
        vec![if bits >> 15 == 1 {
            -magnitude
        } else {
            magnitude
        }]
    }
}

impl Exact for BlockQ40 {
    const LEN: usize = 32;
    fn values(&self) -> Vec<f64> {
        let scale = self.scale.values()[0];
        let low = self.quants.iter().map(|q| q & 15);
        let high = self.quants.iter().map(|q| q >> 4);
        low.chain(high)
            .map(|q| scale * (f64::from(q) - 8.0))
            .collect()
    }
}

impl Exact for BlockQ80 {
    const LEN: usize = 32;
    fn values(&self) -> Vec<f64> {
        let scale = self.scale.values()[0];
        self.quants.iter().map(|&q| scale * f64::from(q)).collect()
    }
}

/// An inner product in f64, and the sum of the magnitudes of the f32 terms whose
/// sum an implementation forms: one a block for blocks, one a value for floats.
pub fn dot<W: Exact, X: Exact>(w: &[W], x: &[X]) -> (f64, f64) {
    assert_eq!(W::LEN, X::LEN);
    let (mut sum, mut magnitudes) = (0.0, 0.0);
    for (w, x) in w.iter().zip(x) {
        let term: f64 = w.values().iter().zip(x.values()).map(|(w, x)| w * x).sum();
        sum += term;
        magnitudes += term.abs();
    }
    (sum, magnitudes)
}

/// The largest error of an f32 sum of `n` terms in any order: n - 1 additions, each
/// within ROUNDING of at most the sum of magnitudes, and two more roundings in each
/// term, its scales' product and the product with the exact integer. The second order is
/// below a thousandth of that for any n tested here, and there is one rounding to spare.
pub fn sum_bound(n: usize, magnitudes: f64) -> f64 {
    (n as f64 + 2.0) * ROUNDING * magnitudes
}
