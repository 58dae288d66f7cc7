//! Two clients: the volume as two pods see it, and whether they read what was written.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mortar_csi::Provisioned;

use super::place::{Place, failed};
use super::server::Server;
use super::show::Show;
use super::sum::{self, Sum};
use super::workers;
use super::write::Noise;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show::size;

/// Bytes of the first file.
const GREETING: usize = 16 << 20;

/// Where the two clients have the volume mounted.
#[derive(Debug)]
pub(super) struct Clients {
    /// Writes.
    pub(super) first: PathBuf,
    /// Reads.
    pub(super) second: PathBuf,
}

/// A file of the volume with the checksum of what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Its path in the volume.
    pub(super) name: String,
    /// The checksum.
    pub(super) sum: String,
}

/// Mounts the volume for two pods on two machines.
pub(super) fn mount(place: &Place, server: &Server, volume: &Provisioned, show: &Show) -> Result<Clients> {
    Ok(Clients {
        first: workers::mount(place, server, volume, (1, "writer"), show)?,
        second: workers::mount(place, server, volume, (2, "reader"), show)?,
    })
}

/// Writes a file at the first client and reads it at the second.
pub(super) fn greet(clients: &Clients, show: &Show) -> Result<Written> {
    let mut bytes = vec![0; GREETING];
    Noise::new(1).fill(&mut bytes);
    let name = "greeting";
    let written = put(&clients.first, name, &bytes)?;
    show.fact(&format!(
        "{} written at {}, checksum {}",
        size(GREETING as u64),
        clients.first.join(name).display(),
        sum::short(&written.sum)
    ))?;
    verify(&clients.second, &written, show)?;
    Ok(written)
}

/// Writes a file and waits until it is on the disks.
pub(super) fn put(client: &Path, name: &str, bytes: &[u8]) -> Result<Written> {
    let file = client.join(name);
    File::create(&file)
        .and_then(|mut opened| opened.write_all(bytes).and_then(|()| opened.sync_all()))
        .map_err(failed(format!("write {}", file.display())))?;
    Ok(Written {
        name: name.to_owned(),
        sum: Sum::of(bytes)?,
    })
}

/// Reads a file at a client and compares.
pub(super) fn verify(client: &Path, written: &Written, show: &Show) -> Result<()> {
    let file = client.join(&written.name);
    show.command(&format!("sha256sum {}", file.display()))?;
    show.say(format!("reading {}", file.display()));
    let came = sum::of_file(&file)?;
    same(&file.display().to_string(), &came, &written.sum)?;
    show.fact(&format!("{}  as written", sum::short(&came)))
}

/// Compares a checksum with what it must be.
pub(super) fn same(what: &str, came: &str, written: &str) -> Result<()> {
    if came == written {
        return Ok(());
    }
    Err(Error::new(
        Exit::Failed,
        format!("read back {what}"),
        format!("its checksum is {came}, and {written} was written"),
    )
    .advise("this must never happen: keep the demo as it is and look at the logs in its lab's folder"))
}
