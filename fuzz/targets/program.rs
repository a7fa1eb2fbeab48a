#![no_main]
//! A Program as a root sends it. What is valid is written and read again without a change.

use dllama_engine::program::ValidProgram;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(program) = ValidProgram::parse(bytes) {
        let text = serde_json::to_vec(&*program).expect("a program is JSON");
        let again = ValidProgram::parse(&text).expect("it was valid");
        assert_eq!(*again, *program);
    }
});
