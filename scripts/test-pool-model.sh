#!/usr/bin/env bash
# Model-checks the thread pool's protocol with loom: all orders in which its threads can run, and all values
# that their loads can give. Arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

# A folder of its own: the flag changes every crate's build.
export CARGO_TARGET_DIR="$PWD/target/loom" RUSTFLAGS="--cfg loom"
# The model runs for seconds, and optimising what it depends on took a minute.
export CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0
exec cargo test --quiet --locked --package dllama-kernels --lib pool::model "$@"
