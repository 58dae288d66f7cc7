//! Paths that callers name. They come from the kubelet, and become mount points of root's: so they lie in the kubelet's folder,
//! and no symbolic link leads out of it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use tonic::Status;

use crate::trouble::{invalid, required};

/// Longest path of a mount point, in bytes: the standard lets callers go up to what the system takes.
const LONGEST: usize = 4095;

/// A path in the kubelet's folder, whether something is there or not.
///
/// # Errors
/// INVALID_ARGUMENT: it is missing, not absolute, leaves the folder, or leads through a symbolic link.
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
    let below = path
        .strip_prefix(folder)
        .ok()
        .filter(|below| !below.as_os_str().is_empty());
    let Some(below) = below else {
        let folder = folder.display();
        return Err(invalid(format!(
            "{field} is not in the kubelet's folder {folder}: {text:?}"
        )));
    };
    let mut here = folder.to_owned();
    for part in below.components() {
        here.push(part);
        // A dead mount cannot be looked at, and is no link.
        if fs::symlink_metadata(&here).is_ok_and(|found| found.file_type().is_symlink()) {
            return Err(invalid(format!(
                "{field} leads through the symbolic link {}",
                here.display()
            )));
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::inside;

    #[test]
    fn what_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("pods")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("pods/link")).unwrap();
        let take = |text: &str| inside(&root, text, "target_path");
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
