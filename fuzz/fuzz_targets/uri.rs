//! Target URIs, against iri-string.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::uri(input);
});
