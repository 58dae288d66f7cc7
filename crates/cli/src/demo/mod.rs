//! `mortar demo`: the main job of Mortar, shown on a real pool on this machine, step by step.
//!
//! The demo types the same commands that a newcomer would: a line that begins with `$` is run by the code of that
//! very command. It knows labs, a server's two languages and how files are written and compared; it decides nothing
//! that a step's command decides.
//!
//! What must stay true:
//! - Whatever it makes lies in its folder or in its lab, and can be found again after the program was killed
//!   between any two steps: the folder is marked as the demo's before anything else is made.
//! - Nothing is removed that the demo did not make.
//!
//! | file | job |
//! |---|---|
//! | `place` | the folder that holds all of it, whose demo it is, one program at a time |
//! | `show` | what people see: steps, facts, times |
//! | `pool` | the lab |
//! | `server` | the server as a process of its own, and asking it |
//! | `volume` | topology, and a claim that becomes a volume |
//! | `workers` | two machines that run pods |
//! | `clients` | what pods see, and what files hold |
//! | `sum` | checksums |
//! | `write` | a file that is being written while other things happen |
//! | `loss` | a node lost in the middle of a write |
//! | `recovery` | the node comes back, and all files are compared |
//! | `heal` | what waits to be healed, until nothing does |
//! | `down` | removing all of it |
//! | `next` | what to try next |

mod clients;
mod down;
mod heal;
mod loss;
mod next;
mod place;
mod pool;
mod recovery;
mod server;
mod show;
mod sum;
mod volume;
mod workers;
mod write;

use std::time::Instant;

use mortar_lab::Lab;

use crate::args::{DemoArgs, Global};
use crate::commands::lab_error;
use crate::error::{Error, Result};
use crate::out::Out;
use place::Place;
use recovery::Scene;
use show::Show;

/// Namespace and name of the claim that the demo makes.
const CLAIM: (&str, &str) = ("demo", "first");

/// Makes the demo, or removes it.
pub(crate) fn run(arguments: &DemoArgs, global: &Global, out: Out) -> Result<()> {
    if arguments.down {
        return remove(arguments, out);
    }
    Lab::check().map_err(lab_error("make the demo"))?;
    let mut show = Show::new(out);
    let place = Place::take(&arguments.state, &arguments.name)?;
    if place.is_ours() {
        show.aside(
            "An earlier demo is here, whole or interrupted: it goes first, with all that is in it",
            |show| down::everything(&place, show),
        )?;
    }
    place.mark()?;
    play(&place, global, &mut show).map_err(|error| with_way_down(error, &place))
}

/// The steps, one after the other.
fn play(place: &Place, global: &Global, show: &mut Show) -> Result<()> {
    let began = Instant::now();
    let lab = show.step(
        "Make a pool: three nodes in namespaces of this machine, with disk, glusterd and sshd each",
        |show| pool::make(place, show),
    )?;
    let server = show.step(
        "Start the server: it reaches the nodes over ssh and demands a token of whoever asks",
        |show| server::start(place, &lab, global, show),
    )?;
    show.step(
        "Load the topology: nodes join one trusted pool, their disks become devices",
        |show| volume::load_topology(place, &lab, &server, show),
    )?;
    let volume = show.step(
        "Claim 1 GiB, each file on three nodes, as Kubernetes does: through CSI",
        |show| volume::claim(&server, show),
    )?;
    let clients = show.step("Mount it for two pods, on two machines", |show| {
        clients::mount(place, &server, &volume, show)
    })?;
    let greeting = show.step("Write in one pod, read the same in the other", |show| {
        clients::greet(&clients, show)
    })?;
    let kept = show.step("Kill a node in the middle of a write", |show| {
        loss::survive(place, &lab, &clients, show)
    })?;
    let scene = Scene {
        lab: &lab,
        server: &server,
        clients: &clients,
        volume: &volume,
    };
    show.step("Bring the node back and see it healed", |show| {
        recovery::recover(&scene, &kept, &greeting, show)
    })?;
    show.step("Show what the claim rests on", |show| {
        let (namespace, name) = CLAIM;
        server.typed(&["explain", &format!("pvc/{namespace}/{name}")], show)
    })?;
    next::tell(place, &server, &clients, began.elapsed(), show)
}

/// What an error says, and the way out of the demo.
fn with_way_down(error: Error, place: &Place) -> Error {
    let log = place.server().join("log");
    let mut advice = vec![error.advice.clone()];
    if log.exists() {
        advice.push(format!("the server's log is {}", log.display()));
    }
    advice.push(format!(
        "'{}' removes all that the demo made",
        next::way_down(place)
    ));
    advice.retain(|line| !line.is_empty());
    error.advise(advice.join("\n"))
}

fn remove(arguments: &DemoArgs, out: Out) -> Result<()> {
    Lab::check_root().map_err(lab_error("remove the demo"))?;
    let mut show = Show::new(out);
    let Some(place) = Place::find(&arguments.state, &arguments.name)? else {
        return show.plain(&format!(
            "There is no demo {} in {}.",
            arguments.name,
            arguments.state.display()
        ));
    };
    show.aside("Remove the demo: clients, server, pool, files", |show| {
        down::everything(&place, show)?;
        place.remove()
    })
}
