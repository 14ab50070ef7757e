#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atdata_testkit::fuzz::shard_index(input));
