#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mortar_fuzz::backup_document(data));
