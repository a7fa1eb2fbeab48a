//! Seeded data that varies, and the extremes.

use dllama_kernels::{BlockQ40, BlockQ80, f16};

/// SplitMix64: Steele, Lea and Flood, 2014.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// -1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| 4.0 * self.unit()).collect()
    }

    pub fn halves(&mut self, n: usize) -> Vec<f16> {
        (0..n).map(|_| f16::from_f32(4.0 * self.unit())).collect()
    }

    /// Every fourth block is an extreme: all nibbles 0, or all 15.
    pub fn q40(&mut self, n: usize) -> Vec<BlockQ40> {
        let mut blocks: Vec<BlockQ40> = (0..n)
            .map(|_| BlockQ40 {
                scale: f16::from_f32(self.unit()),
                quants: std::array::from_fn(|_| self.bits() as u8),
            })
            .collect();
        for (i, block) in blocks.iter_mut().enumerate() {
            match (i + self.bits() as usize) % 8 {
                0 => block.quants = [0; 16],
                1 => block.quants = [0xff; 16],
                _ => {}
            }
        }
        blocks
    }

    /// All bytes, -128 too; every few blocks an extreme: all -128, all -127, all 127.
    pub fn q80(&mut self, n: usize) -> Vec<BlockQ80> {
        (0..n)
            .map(|_| BlockQ80 {
                scale: f16::from_f32(self.unit()),
                quants: match self.bits() % 12 {
                    0 => [-128; 32],
                    1 => [-127; 32],
                    2 => [127; 32],
                    _ => std::array::from_fn(|_| self.bits() as i8),
                },
            })
            .collect()
    }
}

#[test]
fn the_data_does_vary() {
    let mut random = Random::new(1);
    let distinct = |bits: Vec<u64>| {
        bits.into_iter()
            .collect::<std::collections::HashSet<_>>()
            .len()
    };
    let bits = |x: Vec<f32>| x.into_iter().map(|x| u64::from(x.to_bits())).collect();

    let floats = random.floats(1000);
    assert!(floats.iter().any(|x| *x > 3.0) && floats.iter().any(|x| *x < -3.0));
    assert!(distinct(bits(floats)) > 990);
    assert!(distinct(bits(Random::new(2).floats(1))) == 1);
    assert_ne!(Random::new(1).floats(10), Random::new(2).floats(10));
    assert!(
        distinct(
            random
                .halves(1000)
                .iter()
                .map(|h| u64::from(h.to_bits()))
                .collect()
        ) > 900
    );

    let q40 = random.q40(1000);
    let bytes = |value: u8| {
        q40.iter()
            .flat_map(|b| b.quants)
            .filter(|q| *q == value)
            .count()
    };
    assert!((0..=255).all(|value| bytes(value) > 20));
    assert!(q40.iter().any(|b| b.quants == [0; 16]) && q40.iter().any(|b| b.quants == [255; 16]));
    let q80 = random.q80(1000);
    let bytes = |value: i8| {
        q80.iter()
            .flat_map(|b| b.quants)
            .filter(|q| *q == value)
            .count()
    };
    assert!((-128..=127).all(|value| bytes(value) > 40));
    assert!(
        [-128, -127, 127]
            .iter()
            .all(|&value| q80.iter().any(|b| b.quants == [value; 32]))
    );
    assert!(
        q40.iter().any(|b| b.scale.to_f32() < 0.0) && q80.iter().any(|b| b.scale.to_f32() > 0.0)
    );
}
