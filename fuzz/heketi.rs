//! What the fuzz targets of Heketi's database do with their input. A plain test (`crates/heketi/tests/databases.rs`) includes
//! this file and runs it over the corpus.
//!
//! A body fails by panic: any bytes are read or refused, and what is read is the same when it is exported and read again.

#![allow(unreachable_pub, reason = "the targets' crate and a test share this file")]

use mortar_heketi::db::{check::check, gob, read, write_export};

/// A Bolt file, or an export.
pub fn heketi_database(data: &[u8]) {
    match read(data) {
        Ok(mut database) => {
            let _ = check(&database);
            // What could not be read is not written.
            database.unread.clear();
            let written = write_export(&database);
            let again = read(written.as_bytes()).expect("what was written can be read");
            assert_eq!(again, database);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The value of one entry.
pub fn gob_stream(data: &[u8]) {
    if let Err(error) = gob::decode(data) {
        assert!(!error.to_string().is_empty());
    }
}
