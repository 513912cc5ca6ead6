//! Whether anything changed since the last time: one number over the content of many files.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A number that changes when a file of `paths` (files, or folders with all below) or one of `words` does.
pub(crate) fn of(root: &Path, paths: &[&str], words: &[&str]) -> anyhow::Result<String> {
    let mut files = Vec::new();
    for path in paths {
        collect(&root.join(path), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    for file in files {
        file.strip_prefix(root).unwrap_or(&file).hash(&mut hasher);
        std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// All files at or below `path`; none where nothing is there.
pub(crate) fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
    } else if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
            collect(&entry.with_context(|| format!("cannot list {}", path.display()))?.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_and_dates_do_not() -> anyhow::Result<()> {
        let root = std::env::temp_dir().join(format!("penstock-fingerprint-{}", std::process::id()));
        std::fs::create_dir_all(root.join("a/b"))?;
        std::fs::write(root.join("a/b/c"), "one")?;
        let first = of(&root, &["a", "absent"], &["w"])?;
        std::fs::write(root.join("a/b/c"), "one")?;
        assert_eq!(of(&root, &["a", "absent"], &["w"])?, first);
        assert_ne!(of(&root, &["a"], &["other"])?, first);
        std::fs::write(root.join("a/b/c"), "two")?;
        assert_ne!(of(&root, &["a"], &["w"])?, first);
        std::fs::remove_dir_all(root)?;
        Ok(())
    }
}
