//! A client that writes one number after the other to two files: a second that is ahead of its first was not copied at one moment.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::ground::until;

/// Runs `work` while a client writes to these files, each number to the first and then to the second, and on disk before the
/// next is written; how far the client was before and after.
pub(crate) fn under_a_writer(files: [PathBuf; 2], work: impl FnOnce()) -> (u64, u64) {
    let (written, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut files = files.map(|path| fs::File::create(path).unwrap());
            for number in 1_u64.. {
                for file in &mut files {
                    file.seek(SeekFrom::Start(0)).unwrap();
                    file.write_all(format!("{number:020}").as_bytes()).unwrap();
                    file.sync_all().unwrap();
                }
                written.store(number, Ordering::SeqCst);
                if enough.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        until("the client writes", || written.load(Ordering::SeqCst) > 20);
        let before = written.load(Ordering::SeqCst);
        work();
        let after = written.load(Ordering::SeqCst) + 1;
        until("the client goes on", || {
            written.load(Ordering::SeqCst) > after + 20
        });
        enough.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        (before, after)
    })
}

/// What stands in the two files.
pub(crate) fn told(files: [PathBuf; 2]) -> (u64, u64) {
    let [first, second] = files.map(|path| fs::read_to_string(path).unwrap().trim().parse().unwrap());
    (first, second)
}
