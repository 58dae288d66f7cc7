//! The program dies in the middle of an adoption.

use crate::ground::{ask, made_by_hand, seen};
use crate::support::bed::{Bed, Stop, run};

#[test]
fn all_of_it_is_recorded_or_nothing() {
    run(async {
        let (saved, before) = {
            let bed = made_by_hand();
            (bed.save(), seen(&bed))
        };
        let mut whole = 0;
        for stop in [
            Stop::BeforeWrite(1),
            Stop::AfterWrite(1),
            Stop::AfterCommand(3),
            Stop::Never,
        ] {
            let bed = Bed::load(&saved, stop);
            bed.engine.start();
            // Whoever asks a program that dies gets no answer, or that it was not recorded.
            let _ = ask(&bed, &[], false).await;
            let (world, store) = bed.remains();
            let bed = Bed::reopen(world, store);
            bed.engine.start();
            let count = bed.inventory(|inventory| {
                assert_eq!(mortar_model::check::check(inventory), []);
                (
                    inventory.nodes().count(),
                    inventory.volumes().count(),
                    inventory.bricks().count(),
                )
            });
            assert!([(0, 0, 0), (3, 4, 11)].contains(&count), "{stop:?}: {count:?}");
            whole += usize::from(count.1 == 4);
            assert_eq!(bed.open(), []);
            let now = seen(&bed);
            assert_eq!((now.0, now.1), (before.0.clone(), before.1.clone()), "{stop:?}");
            // What was not recorded is adopted by asking again, what was is left as it is.
            ask(&bed, &[], false).await.unwrap();
            assert_eq!(bed.inventory(|inventory| inventory.volumes().count()), 4);
        }
        assert_eq!(whole, 2);
    });
}
