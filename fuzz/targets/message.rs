#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dllama_engine::fuzzing::message(bytes));
