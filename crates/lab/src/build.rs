//! Making a lab, from an empty folder to nodes that answer.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::error::LabError;
use crate::keys;
use crate::network::Links;
use crate::node::{self, Bricks, Site};
use crate::pool;
use crate::preflight::OpenSsh;
use crate::spec::LabSpec;
use crate::state::{Folder, Phase, Record, make_folder};

/// Makes everything of a lab. What it made before it failed is for the caller to remove.
pub(crate) fn build(
    folder: &Folder,
    spec: LabSpec,
    progress: &mut dyn FnMut(&str),
) -> Result<(Record, Links), LabError> {
    let begun = Instant::now();
    make_folder(&folder.nodes())?;
    make_folder(&folder.clients())?;
    keys::make_lab_key(folder)?;
    let ssh = OpenSsh::installed()?;
    let links = Links::of(&folder.path());
    let mut record = None;
    links.make_bridge(|subnet| {
        let chosen = Record::new(spec, subnet)?;
        chosen.save(folder)?;
        record = Some(chosen);
        Ok(())
    })?;
    let mut record = record.expect("make_bridge succeeds only after it told the choice");
    progress(&format!(
        "lab {}: bridge {} with {}",
        folder.name(),
        links.bridge(),
        record.subnet
    ));
    start_nodes(
        Site {
            folder,
            record: &record,
            links: &links,
            ssh,
        },
        progress,
    )?;
    let nodes = record.nodes();
    keys::write_known_hosts(folder, &nodes)?;
    if record.spec.peers {
        pool::form(folder, &nodes)?;
        progress("the nodes are one trusted pool");
    }
    record.phase = Phase::Ready;
    record.save(folder)?;
    progress(&format!(
        "lab {} is ready after {:.1} s",
        folder.name(),
        begun.elapsed().as_secs_f64()
    ));
    Ok((record, links))
}

/// Starts all nodes side by side; the first error is told after all have ended their try.
fn start_nodes(site: Site<'_>, progress: &mut dyn FnMut(&str)) -> Result<(), LabError> {
    let begun = Instant::now();
    let (sender, receiver) = mpsc::channel();
    let nodes = site.record.nodes();
    thread::scope(|scope| {
        for node in &nodes {
            let sender = sender.clone();
            scope.spawn(move || {
                // The receiver outlives this thread; a lost message would only mean that nobody listens.
                let _ = sender.send((node, node::start(site, node, Bricks::Mounted)));
            });
        }
        drop(sender);
        let mut first = Ok(());
        for (node, result) in receiver {
            match result {
                Ok(()) => {
                    let seconds = begun.elapsed().as_secs_f64();
                    progress(&format!(
                        "{} is ready at {} after {seconds:.1} s",
                        node.name, node.address
                    ));
                }
                Err(error) => first = first.and(Err(error)),
            }
        }
        first
    })
}
