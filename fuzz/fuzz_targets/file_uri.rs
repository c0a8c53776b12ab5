//! File URIs, against percent-encoding by hand.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::file_uri(input);
});
