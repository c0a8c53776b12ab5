//! Newline-delimited messages against a splitter that is obviously right.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::lines(input);
});
