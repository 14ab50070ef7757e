#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atdata_testkit::fuzz::lens_json(input));
