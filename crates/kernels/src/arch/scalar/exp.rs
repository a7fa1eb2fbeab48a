//! The exponential function: one formula for every instruction set.
//!
//! e^x = 2^n * e^r with n = round(x / ln 2) and |r| <= ln 2 / 2, where e^r is
//! 1 + r + r^2 p(r) with p of degree 4, interpolated at Chebyshev's points. Only
//! adds, multiplies and integer shifts, each rounded on its own: every compiler
//! vectorises it, and every machine gives the same bits.

/// Adding it rounds a number below 2^22 to an integer, which the low bits then hold.
const ROUNDER: f32 = 12_582_912.0; // 1.5 * 2^23

/// ln 2 in two parts: the first has 9 significant bits, so that n times it is exact.
const LN_2_HIGH: f32 = 0.693_359_4; // 355 / 512
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Below it the result rounds to 0, above the other it is infinite.
const LOWEST: f32 = -104.0;
const HIGHEST: f32 = 89.0;

/// e^x with a relative error below 2^-22.5; NaN for NaN. Results below 2^-126 are
/// subnormal, so within half their last place besides.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Comparisons in this direction let NaN through.
    let x = if x < LOWEST { LOWEST } else { x };
    let x = if x > HIGHEST { HIGHEST } else { x };

    let rounded = x * core::f32::consts::LOG2_E + ROUNDER;
    let n = rounded.to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
    let n_f32 = rounded - ROUNDER;
    let r = (x - n_f32 * LN_2_HIGH) - n_f32 * LN_2_LOW;

    let p = 1.392_632_6e-3;
    let p = p * r + 8.363_293e-3;
    let p = p * r + 4.166_655_4e-2;
    let p = p * r + 1.666_657_6e-1;
    let p = p * r + 0.5;
    let e_r = (p * r * r + r) + 1.0;

    // 2^n lies beyond f32's exponents at both ends; its two halves do not.
    let half = n >> 1;
    e_r * power_of_two(half) * power_of_two(n - half)
}

/// 2^n for -126 <= n <= 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_within_the_stated_bound() {
        let bound = 2f64.powf(-22.5);
        let smallest_normal = f64::from(f32::MIN_POSITIVE);
        let mut worst = 0f64;
        for i in -1_040_000..=887_200 {
            let x = i as f32 / 10_000.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs();
            if expected >= smallest_normal {
                worst = worst.max(error / expected);
            } else {
                // half of the smallest subnormal, 2^-149, besides
                assert!(error <= expected * bound + 2f64.powi(-150), "exp({x})");
            }
        }
        assert!(worst < bound, "2^{}", worst.log2());
        assert!(worst > 0.0);
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-104.1), 0.0);
        assert_eq!(exp(88.8), f32::INFINITY);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(-103.0) > 0.0);
    }
}
