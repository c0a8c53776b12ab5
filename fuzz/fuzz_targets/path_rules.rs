//! The text of paths, against each rule once more.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::path_rules(input);
});
