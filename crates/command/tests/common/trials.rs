//! What must hold of every thing that is made and unmade for real, whatever it is.

#![allow(dead_code, reason = "each test file uses a part of it")]

use mortar_command::{make, resume, unmake};
use mortar_model::work::{Goal, Seen, Thing};

use super::room::{Room, prefix};

fn present(seen: &Seen) -> bool {
    matches!(seen, Seen::Present(_))
}

/// Makes, makes again, unmakes, unmakes again; looks after each.
pub(crate) fn comes_and_goes(room: &Room, thing: &Thing) {
    assert_eq!(room.look(thing), Seen::Absent);
    room.must(thing, Goal::Present, &make(thing, &room.settings));
    let seen = room.look(thing);
    assert!(present(&seen), "{seen:?}");
    room.must(
        thing,
        Goal::Present,
        &resume(thing, &room.settings, &Seen::Partial("again".into())),
    );
    assert_eq!(room.look(thing), seen);
    for _ in 0..2 {
        room.must(thing, Goal::Absent, &unmake(thing, &room.settings));
        assert_eq!(room.look(thing), Seen::Absent);
    }
}

/// Cuts `make` after each of its items; from there both ways must lead to their end.
pub(crate) fn goes_on_from_every_half_made_state(room: &Room, thing: &Thing) {
    let whole = make(thing, &room.settings);
    for count in 0..=whole.items().len() {
        room.run(&prefix(&whole, count));
        reaches_both_ends(room, thing, &format!("make cut after {count}"));
        room.run(&prefix(&whole, count));
        room.must(thing, Goal::Absent, &unmake(thing, &room.settings));
        assert_eq!(
            room.look(thing),
            Seen::Absent,
            "unmade after make was cut after {count}"
        );
    }
}

/// Cuts `unmake` after each of its items; from there both ways must lead to their end.
pub(crate) fn goes_on_from_every_half_undone_state(room: &Room, thing: &Thing) {
    let whole = unmake(thing, &room.settings);
    for count in 0..=whole.items().len() {
        room.must(thing, Goal::Present, &make(thing, &room.settings));
        room.run(&prefix(&whole, count));
        reaches_both_ends(room, thing, &format!("unmake cut after {count}"));
    }
}

fn reaches_both_ends(room: &Room, thing: &Thing, when: &str) {
    let seen = room.look(thing);
    assert!(
        !matches!(seen, Seen::Foreign(_) | Seen::Unknown(_) | Seen::Unreached(_)),
        "{when}: {seen:?}"
    );
    room.must(thing, Goal::Present, &resume(thing, &room.settings, &seen));
    let seen = room.look(thing);
    assert!(present(&seen), "{when}: {seen:?}");
    room.must(thing, Goal::Absent, &unmake(thing, &room.settings));
    assert_eq!(room.look(thing), Seen::Absent, "{when}");
}
