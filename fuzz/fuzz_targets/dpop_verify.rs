//! DPoP proofs: arbitrary bytes, and arbitrary JSON under a good signature.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::dpop_verify(input);
});
