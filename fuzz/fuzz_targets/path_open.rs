//! The open machine, against an adapter that answers anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::path_open(input);
});
