#!/usr/bin/env bash
# Rust tests under AddressSanitizer (all crates) and ThreadSanitizer (pool and links), and loom's model of the pool:
# `scripts/test-sanitizers.sh [address] [thread] [model]`, all three by default. Each ends with a line of its own.
# Needs rustup; ThreadSanitizer needs a standard library that is built with it, too:
#   rustup toolchain install nightly --profile minimal --component rust-src
# or Debian's rustc-web, cargo-web and rust-web-src beside rustup's stable. Exits 75 if that is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly target=x86_64-unknown-linux-gnu
# A sanitized program is about ten times as slow, and the tests' own limits of time count seconds.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-2}"

skip() {
  echo "test-sanitizers: skipped: $1" >&2
  exit 75
}

[[ "$(rustc -vV | sed -n 's/^host: //p')" == "$target" ]] || skip "only $target has been tried"

address() {
  # Leaks are looked for, too: LeakSanitizer comes with it.
  RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" \
    cargo test --quiet --locked --workspace --tests --lib --no-fail-fast \
    --target "$target" --target-dir target/asan
}

# What runs on several threads: the pool's tests of the kernels, everything of the links, worlds of the engine.
thread_tests() {
  "$@" --package dllama-kernels --test pool &&
    "$@" --package dllama-net --lib --tests --no-fail-fast &&
    "$@" --package dllama-engine --lib --no-fail-fast &&
    "$@" --package dllama-engine --test all -- worlds:: overlap::
}

thread() {
  local build=(--quiet --locked -Zbuild-std --target "$target" --target-dir target/tsan)
  if rustup run nightly rustc --print sysroot >/dev/null 2>&1 &&
    [[ -d "$(rustup run nightly rustc --print sysroot)/lib/rustlib/src" ]]; then
    RUSTFLAGS="-Zsanitizer=thread" thread_tests cargo +nightly test "${build[@]}"
    return
  fi
  [[ -x /usr/bin/cargo && -d /usr/lib/rustlib/src/rust ]] ||
    skip "no nightly with rust-src, and no rustc-web, cargo-web, rust-web-src (Debian)"
  # Debian's compiler has the sources of its standard library, and rustup's the runtime of the sanitizer.
  local rustlib runtime linker
  rustlib="$(rustc --print sysroot)/lib/rustlib/$target"
  runtime=("$rustlib"/lib/librustc-*_rt.tsan.a)
  linker=target/tsan/cc
  mkdir -p target/tsan
  printf '#!/bin/sh\nexec cc -fuse-ld=lld -B%q "$@"\n' "$rustlib/bin/gcc-ld" >"$linker"
  chmod +x "$linker"
  RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER="$PWD/$linker" \
    RUSTFLAGS="-Zsanitizer=thread -Zexternal-clangrt -Clink-arg=-Wl,--whole-archive,${runtime[0]},--no-whole-archive" \
    thread_tests /usr/bin/cargo test "${build[@]}"
}

model() {
  bash scripts/test-pool-model.sh
}

status=0
for check in "${@:-address}" $([[ $# -gt 0 ]] || echo "thread model"); do
  case "$check" in
    address | thread | model) ;;
    *)
      echo "There is no check $check; these are: address, thread, model." >&2
      exit 2
      ;;
  esac
  if ("$check"); then
    echo "test-sanitizers: $check: nothing found"
  else
    code=$?
    [[ $code -ne 75 ]] || exit 75
    echo "test-sanitizers: $check: FAILED"
    status=1
  fi
done
exit "$status"
