//! `gluster volume set` and `gluster volume reset`.

use crate::gluster::{Answer, Refusal, Request, success};
use crate::option_names;
use crate::tool::fail;
use crate::world::World;
use crate::xml::Element;

/// `gluster volume set NAME KEY VALUE…`: all of them or none.
pub(crate) fn set(world: &mut World, request: &Request<'_>, name: &str, words: &[&str]) -> Answer {
    if words.is_empty() || !words.len().is_multiple_of(2) {
        return Ok(fail(1, "\nUsage:\nvolume set <VOLNAME> group <GROUP>\n"));
    }
    let refuse = |why: String| {
        let mut refusal = Refusal::bare("volume set: failed: ", why);
        let mut tail = Element::at(1);
        tail.leaf("cliOp", "volSet");
        tail.leaf("output", "Set volume unsuccessful");
        refusal.tail = tail.finish();
        refusal
    };
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let mut pairs = Vec::with_capacity(words.len() / 2);
    for pair in words.chunks(2) {
        let key = option_names::full(pair[0]).ok_or_else(|| {
            refuse(format!(
                "option : {} does not exist\nDid you mean {}?",
                pair[0],
                option_names::near(pair[0])
            ))
        })?;
        if option_names::is_switch(&key) && !option_names::is_switch_value(pair[1]) {
            return Err(refuse("Error, Validation Failed".into()));
        }
        pairs.push((world.names.word(&key), world.names.store(pair[1])));
    }
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    for (key, value) in pairs {
        match volume.options.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = value,
            None => {
                volume.options.reserve_exact(1);
                volume.options.push((key, value));
            }
        }
    }
    Ok(success(request, "volume set: success\n"))
}

/// `gluster volume reset NAME KEY`, as seen with 10.3: options of the `user.` namespace are unknown to it.
pub(crate) fn reset(world: &mut World, request: &Request<'_>, name: &str, word: &str) -> Answer {
    let refuse = |why: String| Refusal::bare("volume reset: failed: ", why);
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let key = option_names::full(word).filter(|key| !key.starts_with("user."));
    let key = key.ok_or_else(|| {
        refuse(format!(
            "Option {word} does not exist\nDid you mean {}?",
            option_names::near(word)
        ))
    })?;
    let key = world.names.word(&key);
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    volume.options.retain(|(other, _)| *other != key);
    Ok(success(
        request,
        "volume reset: success: reset volume successful\n",
    ))
}
