//! `gluster volume add-brick NAME replica N …` and `remove-brick NAME replica N … force`, where N is another count than before.
//!
//! New bricks come behind the others of their sets, set by set as they are given (seen with 10.3). The refusals are from the
//! messages of glusterd 10.3, but for those of the command line.

use crate::gluster::State;
use crate::gluster_create::stage_more;
use crate::world::World;

/// More bricks in each set.
pub(crate) fn add(
    world: &mut World,
    node: u32,
    number: u32,
    (count, arbiter): (u16, u16),
    bricks: &[(&str, &str)],
) -> Result<(), String> {
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let (few, state, stamp) = (volume.replica.max(1), volume.state, volume.stamp);
    if volume.disperse > 0 {
        return Err("Replica count change is not allowed on a disperse volume".into());
    }
    if count < few {
        return Err(format!(
            "Incorrect replica count ({count}) supplied. Volume already has replica count of {few}"
        ));
    }
    let sets = volume.bricks.len() / usize::from(few);
    let more = usize::from(count - few);
    if bricks.len() != sets * more {
        return Err("Operation failed".into());
    }
    world.bring_up_to_date(number);
    let mut made = stage_more(world, node, bricks, (0, 0), stamp, true)?;
    for brick in &mut made {
        world.enter_brick(number, brick);
        if state == State::Started {
            world.start_brick(stamp, brick);
        }
    }
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    let old = std::mem::take(&mut volume.bricks).into_vec();
    let (mut old, mut made) = (old.into_iter(), made.into_iter());
    let mut all = Vec::with_capacity(sets * usize::from(count));
    for _ in 0..sets {
        all.extend(old.by_ref().take(usize::from(few)));
        all.extend(made.by_ref().take(more));
    }
    volume.bricks = all.into();
    (volume.replica, volume.arbiter) = (count, arbiter);
    world.sets_grew(number, few.into(), count.into());
    Ok(())
}

/// Fewer bricks in each set.
pub(crate) fn remove(
    world: &mut World,
    node: u32,
    name: &str,
    count: &str,
    bricks: &[&str],
) -> Result<(), String> {
    let number = world
        .volume_number(node, name)
        .ok_or_else(|| format!("Volume {name} does not exist"))?;
    let count: u16 = count.parse().map_err(|_| "wrong replica count".to_owned())?;
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let many = volume.replica;
    if count == 0 || count >= many || volume.disperse > 0 {
        return Err(format!(
            "given replica count ({count}) option is more than volume {name}'s replica count ({many})"
        ));
    }
    let mut places = Vec::with_capacity(bricks.len());
    for word in bricks {
        let mut all = volume.bricks.iter();
        let at = all.position(|brick| world.brick_name(brick) == *word);
        let at = at.ok_or_else(|| format!("Incorrect brick {word} for volume {name}"))?;
        places.push(u32::try_from(at).expect("a volume has fewer than 2^32 bricks"));
    }
    places.sort_unstable();
    places.dedup();
    let sets = volume.bricks.len() / usize::from(many);
    let leaves = usize::from(many - count);
    let even = (0..sets).all(|set| {
        let of_set = places
            .iter()
            .filter(|place| **place as usize / usize::from(many) == set);
        of_set.count() == leaves
    });
    if !even {
        return Err(format!(
            "need {leaves}(xN) bricks for reducing replica count of the volume from {many} to {count}"
        ));
    }
    world.bring_up_to_date(number);
    world.drop_bricks(number, &places);
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    (volume.replica, volume.arbiter) = (count, 0);
    world.sets_shrank(number);
    Ok(())
}
