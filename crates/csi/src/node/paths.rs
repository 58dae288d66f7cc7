//! Paths that callers name. They come from the kubelet, and become mount points of root's: so they lie in the kubelet's folder,
//! and no symbolic link leads out of it.
//!
//! What a path says is read at once. Looking at what is there may wait for a client that hangs, so that is done apart from it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use tonic::Status;

use super::{Node, failed, mounts};
use crate::trouble::{invalid, required};

/// Longest path of a mount point, in bytes: the standard lets callers go up to what the system takes.
const LONGEST: usize = 4095;

/// A path in the kubelet's folder, whether something is there or not.
///
/// # Errors
/// INVALID_ARGUMENT: it is missing, not absolute, or leaves the folder.
pub(crate) fn inside(folder: &Path, text: &str, field: &str) -> Result<PathBuf, Status> {
    let text = required(text, field)?;
    let path = Path::new(text);
    if text.len() > LONGEST || text.contains('\0') {
        return Err(invalid(format!("{field} is no path")));
    }
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(plain) {
        return Err(invalid(format!(
            "{field} is not absolute, or has .. in it: {text:?}"
        )));
    }
    // Without double slashes and the like: the kernel's table of mounts has it so.
    let path: PathBuf = path.components().collect();
    if path == folder || !path.starts_with(folder) {
        let folder = folder.display();
        return Err(invalid(format!(
            "{field} is not in the kubelet's folder {folder}: {text:?}"
        )));
    }
    Ok(path)
}

impl Node {
    /// Sees to it that no symbolic link is on the way to a path in the kubelet's folder.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: one is. UNAVAILABLE: something on the way does not answer.
    pub(super) async fn see_no_link(&self, path: &Path, field: &'static str) -> Result<(), Status> {
        let (folder, path) = (self.options.kubelet.clone(), path.to_owned());
        self.look(field, move || no_link(&folder, &path, field)).await
    }
}

fn no_link(folder: &Path, path: &Path, field: &str) -> Result<(), Status> {
    let mounted = mounts::points().map_err(|error| failed("reading the table of mounts", &error))?;
    let on_the_way = path.ancestors().take_while(|here| *here != folder);
    // A mount point is no link, and to look at one is to ask what is mounted there: a client that hangs gives no answer.
    for here in on_the_way.filter(|here| !mounted.contains(*here)) {
        if fs::symlink_metadata(here).is_ok_and(|found| found.file_type().is_symlink()) {
            return Err(invalid(format!(
                "{field} leads through the symbolic link {}",
                here.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{inside, no_link};

    #[test]
    fn what_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("pods")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("pods/link")).unwrap();
        let take = |text: &str| {
            let path = inside(&root, text, "target_path")?;
            no_link(&root, &path, "target_path").map(|()| path)
        };
        let good = format!("{}//pods/new/mount/", root.display());
        assert_eq!(take(&good).unwrap(), root.join("pods/new/mount"));
        for bad in [
            String::new(),
            "pods/x".to_owned(),
            "/etc/x".to_owned(),
            root.display().to_string(),
            format!("{}/../x", root.display()),
            format!("{}-other/x", root.display()),
            format!("{}/pods/link", root.display()),
            format!("{}/pods/link/x", root.display()),
        ] {
            let refused = take(&bad).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{bad}");
        }
        assert!(inside(Path::new("/"), "/x", "p").is_ok());
    }
}
