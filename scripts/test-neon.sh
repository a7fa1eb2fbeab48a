#!/usr/bin/env bash
# Runs the kernels' tests with Arm's instruction sets: built for arm64, run by qemu as a Cortex-A72
# (Raspberry Pi 4), as a Cortex-A76 (Raspberry Pi 5) and as all that qemu can be.
# Exits 75 with one line that says what is missing, so that a caller can count the
# suite as skipped; arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly target=aarch64-unknown-linux-gnu

skip() {
  echo "test-neon: skipped: $1"
  exit 75
}

for emulator in qemu-aarch64-static qemu-aarch64 ""; do
  if [[ -z "$emulator" ]]; then skip "no qemu-aarch64 (Debian: qemu-user-static)"; fi
  if command -v "$emulator" >/dev/null; then break; fi
done
command -v aarch64-linux-gnu-gcc >/dev/null ||
  skip "no aarch64-linux-gnu-gcc (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross)"

# The compiler on PATH may lack the standard library that a distribution's one has.
has_std() {
  command -v "$1" >/dev/null || return 1
  compgen -G "$("$1" --print target-libdir --target "$target")/libstd-*.rlib" >/dev/null
}
for compiler in "${RUSTC:-rustc}" /usr/bin/rustc ""; do
  if [[ -z "$compiler" ]]; then
    skip "no Rust standard library for $target (rustup target add $target, or Debian: libstd-rust-web-dev:arm64)"
  fi
  if has_std "$compiler"; then break; fi
done

# Linked statically, so that qemu needs no arm64 system around it.
export RUSTC="$compiler"
export CARGO_TARGET_DIR="$PWD/target/neon"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$emulator"

run() {
  export QEMU_CPU="$1" REQUIRE_ISA="$2"
  shift 2
  timeout --foreground 900 cargo test --package dllama-kernels --target "$target" "$@"
}

# The first has the base instructions of Armv8-A and none of the later ones.
run cortex-a72 neon --tests "$@"
run cortex-a76 neon,dotprod --test conformance "$@"
run max neon,dotprod,i8mm --test conformance "$@"
