#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dllama_net::fuzzing::frame_text(bytes));
