//! The instruction sets there are kernels for, and which of them this machine has.

use core::fmt;

/// An instruction set with a table of kernels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Portable Rust: what all others are tested against.
    Scalar,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX2 and AVX-VNNI, as in Alder Lake and Zen 5.
    AvxVnni,
    /// x86-64 with AVX-512 and its instructions for byte products, as in Ice Lake and Zen 4.
    Avx512Vnni,
    /// Armv8-A's base vector instructions.
    Neon,
    /// Armv8-A with products of four bytes, as in Cortex-A76.
    Dotprod,
    /// Armv8-A with products of matrices of bytes, too.
    I8mm,
}

impl Isa {
    /// From the plainest to the fastest; those of one machine keep this order.
    const ALL: [Isa; 7] = [
        Isa::Scalar,
        Isa::Avx2,
        Isa::AvxVnni,
        Isa::Avx512Vnni,
        Isa::Neon,
        Isa::Dotprod,
        Isa::I8mm,
    ];

    /// The instruction sets that this machine runs, the fastest last.
    pub fn available() -> impl DoubleEndedIterator<Item = Isa> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// The fastest instruction set that this machine runs.
    pub(crate) fn best() -> Isa {
        Self::available().next_back().unwrap_or(Isa::Scalar)
    }

    /// Whether this machine runs it.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => Isa::Avx2.is_available() && is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => {
                Isa::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("gfni")
            }
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "aarch64")]
            Isa::Dotprod => {
                Isa::Neon.is_available() && std::arch::is_aarch64_feature_detected!("dotprod")
            }
            #[cfg(target_arch = "aarch64")]
            Isa::I8mm => {
                Isa::Dotprod.is_available() && std::arch::is_aarch64_feature_detected!("i8mm")
            }
            #[allow(unreachable_patterns)] // those of other architectures
            _ => false,
        }
    }

    /// The name that `DLLAMA_ISA` and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::AvxVnni => "avxvnni",
            Isa::Avx512Vnni => "avx512vnni",
            Isa::Neon => "neon",
            Isa::Dotprod => "dotprod",
            Isa::I8mm => "i8mm",
        }
    }

    /// The instruction set of that name, if this machine runs it.
    ///
    /// # Errors
    ///
    /// [`UnknownIsa`] if there is none of that name, or not on this machine.
    pub fn from_name(name: &str) -> Result<Isa, UnknownIsa> {
        Self::available()
            .find(|isa| isa.name() == name)
            .ok_or_else(|| UnknownIsa {
                name: name.to_owned(),
                exists: Self::ALL.iter().any(|isa| isa.name() == name),
            })
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `DLLAMA_ISA` names an instruction set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownIsa {
    /// What was asked for.
    pub name: String,
    /// Whether there are kernels for it, though not for this machine.
    pub exists: bool,
}

impl fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.exists {
            "this machine does not run"
        } else {
            "dllama does not know"
        };
        write!(
            f,
            "DLLAMA_ISA={}: an instruction set that {what}; use one of:",
            self.name
        )?;
        for isa in Isa::available() {
            write!(f, " {isa}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownIsa {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_is_always_there_and_the_best_is_last() {
        let all: Vec<Isa> = Isa::available().collect();
        assert_eq!(all[0], Isa::Scalar);
        assert_eq!(Isa::best(), all[all.len() - 1]);
    }

    #[test]
    fn names_are_read_back() {
        for isa in Isa::available() {
            assert_eq!(Isa::from_name(isa.name()), Ok(isa));
        }
    }

    #[test]
    fn an_unusable_name_says_what_can_be_used() {
        let unknown = Isa::from_name("AVX2 ").unwrap_err();
        assert!(!unknown.exists);
        assert!(unknown.to_string().contains("does not know"));
        assert!(unknown.to_string().contains("scalar"));

        let foreign = Isa::ALL.into_iter().find(|isa| !isa.is_available());
        let foreign = Isa::from_name(foreign.unwrap().name()).unwrap_err();
        assert!(foreign.exists);
        assert!(foreign.to_string().contains("does not run"));
    }
}
