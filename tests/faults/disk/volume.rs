//! A small disk of the test's own, in memory, mounted where the product is to keep something.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted disk; it goes with this value, lazily, as somebody may still be writing to it.
pub(super) struct Volume {
    folder: PathBuf,
}

impl Volume {
    /// So many MiB at this folder, which is made. Without the right to mount there is none, and the test says that it proves
    /// nothing.
    pub(super) fn mount(folder: &Path, mebibytes: u64) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let size = format!("size={mebibytes}m,mode=0700");
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder))
        .then(|| Self {
            folder: folder.to_owned(),
        })
    }

    /// A second view of a folder, which can be made read-only beneath a running process.
    pub(super) fn bind(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        run(Command::new("mount").arg("--bind").arg(folder).arg(folder)).then(|| Self {
            folder: folder.to_owned(),
        })
    }

    /// Nothing can be made or opened for writing; who has a file open goes on.
    pub(super) fn read_only(&self, on: bool) {
        let mode = if on { "remount,bind,ro" } else { "remount,bind,rw" };
        assert!(run(Command::new("mount").args(["-o", mode]).arg(&self.folder)));
    }

    /// Fills it but for so many bytes.
    pub(super) fn fill_but(&self, left: u64) {
        let path = self.filler();
        let mut filler: File = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let piece = vec![0; 64 * 1024];
        while filler.write_all(&piece).is_ok() {}
        // The last page in part.
        while filler.write_all(&[0; 512]).is_ok() {}
        let size = filler.metadata().unwrap().len();
        filler.set_len(size.saturating_sub(left)).unwrap();
    }

    /// Takes the filler away.
    pub(super) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        run(Command::new("umount").arg("-l").arg(&self.folder));
    }
}

fn run(command: &mut Command) -> bool {
    let ran = command.output();
    let done = ran.as_ref().is_ok_and(|output| output.status.success());
    if !done {
        println!("SKIPPED unless a mount is allowed here: {command:?}: {ran:?}");
    }
    done
}
