//! What is told to nodes about a volume, as CSI's volume context: a node needs no server and no key to mount it.

use std::collections::HashMap;

use mortar_api::Volume;
use tonic::Status;

use crate::room::Use;
use crate::trouble::invalid;

/// The volume's name in GlusterFS.
const NAME: &str = "volume";
/// Hosts that tell clients what the volume is made of, with commas between.
const SERVERS: &str = "servers";
/// `files`, or `block` for the image of a block device.
const KIND: &str = "kind";
/// The size that was claimed, bytes: how large an image is made.
const SIZE: &str = "size";

/// Most bytes of the list of hosts: a context has 4 KiB in all.
const SERVERS_BYTES: usize = 3 << 10;

/// What a node knows of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// Its name in GlusterFS.
    pub(crate) name: String,
    /// Hosts that clients ask for its description.
    pub(crate) servers: Vec<String>,
    /// Whether it holds the image of a block device.
    pub(crate) block: bool,
    /// The size that was claimed, bytes.
    pub(crate) size: u64,
}

/// What is told about a volume whose claim has this size.
pub(crate) fn of(volume: &Volume, size: u64) -> HashMap<String, String> {
    let mut servers = String::new();
    for server in &volume.servers {
        if servers.len() + server.len() < SERVERS_BYTES {
            if !servers.is_empty() {
                servers.push(',');
            }
            servers.push_str(server);
        }
    }
    let kind = if Use::of(volume) == Use::Block {
        "block"
    } else {
        "files"
    };
    HashMap::from([
        (NAME.to_owned(), volume.name.clone()),
        (SERVERS.to_owned(), servers),
        (KIND.to_owned(), kind.to_owned()),
        (SIZE.to_owned(), size.to_string()),
    ])
}

/// Reads what a node was told.
///
/// # Errors
/// INVALID_ARGUMENT: something is missing, or could not be an argument of a GlusterFS client.
pub(crate) fn read(context: &HashMap<String, String>) -> Result<Context, Status> {
    let field = |name: &str| {
        let value = context.get(name).map(String::as_str).unwrap_or_default();
        (!value.is_empty()).then_some(value).ok_or_else(|| {
            invalid(format!(
                "the volume context has no {name}: it is not that of a volume of this driver"
            ))
        })
    };
    let name = field(NAME)?;
    if name.starts_with('-') || name.len() > 200 || !name.bytes().all(is_name_byte) {
        return Err(invalid(
            "the volume context names a volume that GlusterFS could not have",
        ));
    }
    let servers: Vec<String> = field(SERVERS)?.split(',').map(str::to_owned).collect();
    let host = |host: &String| {
        !host.is_empty()
            && !host.starts_with('-')
            && host.bytes().all(|b| is_name_byte(b) || b".:".contains(&b))
    };
    if !servers.iter().all(host) {
        return Err(invalid("the volume context has servers that are no host names"));
    }
    let size = context.get(SIZE).map_or(Ok(0), |size| size.parse());
    Ok(Context {
        name: name.to_owned(),
        servers,
        block: context.get(KIND).is_some_and(|kind| kind == "block"),
        size: size.map_err(|_| invalid("the volume context has a size that is no number"))?,
    })
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::read;

    fn context(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn what_could_be_no_argument_is_refused() {
        let good = context(&[
            ("volume", "csi_1"),
            ("servers", "10.0.0.1,n-2.x,fd00::1"),
            ("size", "7"),
        ]);
        let read_back = read(&good).unwrap();
        assert_eq!(
            (read_back.servers.len(), read_back.size, read_back.block),
            (3, 7, false)
        );
        for bad in [
            context(&[]),
            context(&[("volume", "v")]),
            context(&[("volume", "-v"), ("servers", "a")]),
            context(&[("volume", "a b"), ("servers", "a")]),
            context(&[("volume", "../v"), ("servers", "a")]),
            context(&[("volume", "v"), ("servers", "a,")]),
            context(&[("volume", "v"), ("servers", "-a")]),
            context(&[("volume", "v"), ("servers", "a;b")]),
            context(&[("volume", "v"), ("servers", "a"), ("size", "x")]),
        ] {
            assert_eq!(
                read(&bad).unwrap_err().code(),
                tonic::Code::InvalidArgument,
                "{bad:?}"
            );
        }
    }
}
