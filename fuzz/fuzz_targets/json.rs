//! JSON, against serde_json.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::json(input);
});
