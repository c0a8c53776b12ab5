//! A server against bytes from anybody, and behind a client whose records are changed on the way.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    ravelin_tests::fuzzing::records_server(input);
});
