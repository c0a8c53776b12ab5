//! Certificates and pins from anybody.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::certificate(input);
});
