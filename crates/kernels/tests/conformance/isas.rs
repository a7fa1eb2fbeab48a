//! Which instruction sets the suite covers, and which it must.

use dllama_kernels::{Isa, Kernels};

/// The kernels of every instruction set of this machine, not of the fastest alone.
pub fn all() -> Vec<Kernels> {
    let all: Vec<Kernels> = Isa::available().filter_map(Kernels::new).collect();
    assert_eq!(all[0].isa(), Isa::Scalar);
    all
}

pub fn scalar() -> Kernels {
    Kernels::new(Isa::Scalar).unwrap()
}

/// The instruction sets that there are kernels for on this architecture.
fn of_this_architecture() -> &'static [&'static str] {
    match std::env::consts::ARCH {
        "x86_64" => &["scalar", "avx2", "avxvnni", "avx512vnni"],
        "aarch64" => &["scalar", "neon", "dotprod", "i8mm"],
        _ => &["scalar"],
    }
}

#[test]
fn required_instruction_sets_are_there() {
    let required = std::env::var("REQUIRE_ISA").unwrap_or_default();
    let required: Vec<&str> = required.split(',').map(str::trim).collect();
    let available: Vec<&str> = all().iter().map(|kernels| kernels.isa().name()).collect();
    for name in required.iter().filter(|name| !name.is_empty()) {
        assert!(
            Isa::from_name(name).map_or_else(|unknown| unknown.exists, |_| true),
            "REQUIRE_ISA names {name:?}, which does not exist"
        );
    }
    for name in of_this_architecture() {
        if available.contains(name) {
            println!("covered: {name}");
        } else {
            assert!(
                !required.contains(name),
                "{name} is required, and not there"
            );
            println!("skipped: {name}, which this machine lacks");
        }
    }
}

#[test]
fn detection_takes_the_fastest_or_the_one_that_is_named() {
    let best = all().last().unwrap().isa();
    let expected = match std::env::var("DLLAMA_ISA") {
        Ok(name) => Isa::from_name(&name).unwrap(),
        Err(_) => best,
    };
    assert_eq!(Kernels::detect().unwrap().isa(), expected);
}
