//! A panic in any export of the addon is an error in JavaScript with the code INTERNAL, and the process lives on.
//!
//! `cargo test` alone builds no addon: `cargo build` does, with the features and in the folder of everything else that is
//! tested, as `pnpm test` has it:
//! `cargo build --workspace --lib --tests --features dllama-bindings/panic-points`.
//! `panics-child.mjs` loads it in Node and arms one export after another.

#[path = "../../../../crates/engine/tests/all/support/mod.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest of it")]
mod support;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;
use std::process::Command;

use dllama_engine::program::{CacheType, WireType};
use support::model::ModelFile;
use support::tiny;

/// The addon, in `target/PROFILE`; this test is in `deps` there.
fn addon() -> PathBuf {
    let this = std::env::current_exe().expect("this test's file");
    let profile = this.ancestors().nth(2).expect("target/PROFILE");
    profile.join(format!("{DLL_PREFIX}dllama_bindings{DLL_SUFFIX}"))
}

#[test]
fn a_panic_in_any_export_rejects_and_the_process_lives_on() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let program = tiny::json(&tiny::program(0, 1, WireType::F32, CacheType::F32));
    // Node loads what ends in `.node`.
    let link = file.path().with_extension("node");
    std::fs::copy(addon(), &link).expect("the addon: this file says how to build it");
    let child = concat!(env!("CARGO_MANIFEST_DIR"), "/native/tests/panics-child.mjs");
    let output = Command::new("node")
        .args([child.as_ref(), link.as_os_str(), file.path().as_os_str()])
        .arg(program)
        .output()
        .expect("node on PATH");
    std::fs::remove_file(link).expect("the copy");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.ends_with("alive\n"), "{told}{said}");
}
