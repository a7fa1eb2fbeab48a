//! The handle on one instruction set's kernels.

use crate::arch;
use crate::isa::{Isa, UnknownIsa};
use crate::table::Table;

/// The environment variable that overrides detection, for tests and measurements.
const OVERRIDE: &str = "DLLAMA_ISA";

/// All operations under one instruction set, chosen once; copies are free.
///
/// Each method checks the lengths of its slices and then calls its kernel. A
/// wrong length is a mistake of the program, and panics.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    isa: Isa,
    pub(crate) table: &'static Table,
}

impl Kernels {
    /// The kernels of `DLLAMA_ISA` if that is set, else of the fastest
    /// instruction set that this machine runs.
    ///
    /// # Errors
    ///
    /// [`UnknownIsa`] if `DLLAMA_ISA` names none that this machine runs.
    pub fn detect() -> Result<Kernels, UnknownIsa> {
        let isa = match std::env::var_os(OVERRIDE) {
            Some(name) => Isa::from_name(&name.to_string_lossy())?,
            None => Isa::best(),
        };
        Ok(Self::of_available(isa))
    }

    /// The kernels of `isa`, or `None` if this machine does not run it.
    pub fn new(isa: Isa) -> Option<Kernels> {
        isa.is_available().then(|| Self::of_available(isa))
    }

    /// The instruction set of these kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The only place where a table is chosen: `isa` must be available, for the
    /// entry points call the table's functions on the strength of it.
    fn of_available(isa: Isa) -> Kernels {
        assert!(isa.is_available());
        let table = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &arch::avx2::TABLE,
            #[cfg(target_arch = "x86_64")]
            Isa::AvxVnni => &arch::avxvnni::TABLE,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => &arch::avx512vnni::TABLE,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => &arch::neon::TABLE,
            #[cfg(target_arch = "aarch64")]
            Isa::Dotprod => &arch::dotprod::TABLE,
            #[cfg(target_arch = "aarch64")]
            Isa::I8mm => &arch::i8mm::TABLE,
            _ => &arch::scalar::TABLE,
        };
        Kernels { isa, table }
    }
}
