//! Taking the place of Xen's own scripts, and giving it back.
//!
//! Each script becomes a link to this program, which looks at the name that it was called by. What a package has put
//! there is kept aside: with Debian's `dpkg-divert` where there is dpkg, so that an upgrade of the package changes the
//! file that is kept aside and not the link; else under another name.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of Xen's scripts.
const FOLDER: &str = "etc/xen/scripts";
/// What is put behind a script's name where it is kept aside, with dpkg and without.
const DIVERTED: &str = "distrib";
const RENAMED: &str = "before-dom0net";

/// The scripts whose place this program takes.
pub const NAMES: [&str; 9] = [
    "network-bridge",
    "network-nat",
    "network-route",
    "qemu-ifup",
    "vif-bridge",
    "vif-nat",
    "vif-openvswitch",
    "vif-route",
    "vif-setup",
];

/// Where scripts are, and what keeps the package's own aside.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// What stands before all paths: `/`, or the root of another system.
    prefix: PathBuf,
    /// What the links lead to, as seen in that system.
    program: PathBuf,
    /// The program `dpkg-divert`, where that system has dpkg.
    divert: Option<PathBuf>,
}

/// What was done, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A script is kept aside under this name, now or when a package brings it.
    Aside(PathBuf, PathBuf),
    /// A link to this program was made.
    Link(PathBuf),
    /// It was there already.
    Already(PathBuf),
    /// The link was removed.
    Unlink(PathBuf),
    /// The script that was kept aside is back.
    Back(PathBuf, PathBuf),
}

impl Scripts {
    /// The scripts of the system below `prefix`, for `program`.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn new(prefix: &Path, program: &Path) -> Result<Self, ScriptsError> {
        let failed = |error| ScriptsError::Io { verb: "find", path: program.to_owned(), error };
        let program = fs::canonicalize(program).map_err(failed)?;
        let root = fs::canonicalize(prefix).map_err(|error| ScriptsError::Io {
            verb: "find",
            path: prefix.to_owned(),
            error,
        })?;
        // A program inside of that system is called by its path there.
        let inside = program.strip_prefix(&root).map(|rest| Path::new("/").join(rest));
        let has_dpkg = root.join("var/lib/dpkg").is_dir();
        Ok(Self {
            program: inside.unwrap_or(program),
            divert: dpkg_divert().filter(|_| has_dpkg),
            prefix: root,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.prefix.join(FOLDER).join(name)
    }

    /// Puts the links in place of the scripts. Doing so again changes nothing.
    pub fn install(&self, dry_run: bool) -> Result<Vec<Step>, ScriptsError> {
        let mut steps = Vec::new();
        if !dry_run {
            let folder = self.prefix.join(FOLDER);
            fs::create_dir_all(&folder).map_err(|error| ScriptsError::Io {
                verb: "make",
                path: folder,
                error,
            })?;
        }
        for name in NAMES {
            self.install_one(name, dry_run, &mut steps)?;
        }
        Ok(steps)
    }

    fn install_one(&self, name: &str, dry_run: bool, steps: &mut Vec<Step>) -> Result<(), ScriptsError> {
        let path = self.path(name);
        let is_ours = self.is_ours(&path);
        let is_there = path.symlink_metadata().is_ok();
        let aside = self.aside(&path);
        if !is_ours && (is_there || self.divert.is_some()) {
            steps.push(Step::Aside(path.clone(), aside.clone()));
        }
        steps.push(if is_ours { Step::Already(path.clone()) } else { Step::Link(path.clone()) });
        if dry_run {
            return Ok(());
        }
        match &self.divert {
            // A link that is ours already is no file of a package, and stays where it is.
            Some(program) => {
                let rename = if is_ours { "--no-rename" } else { "--rename" };
                self.divert(program, &[rename, "--add"], name)?;
            }
            None if is_there && !is_ours => put_aside(&path, &aside)?,
            None => {}
        }
        if is_ours {
            return Ok(());
        }
        // Renamed into place: nobody finds half a link.
        let draft = path.with_file_name(format!(".{name}.dom0net"));
        let failed = |error| ScriptsError::Io { verb: "make link", path: path.clone(), error };
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        symlink(&self.program, &draft).and_then(|()| fs::rename(&draft, &path)).map_err(failed)
    }

    /// Removes the links and puts back what was there. Doing so again changes nothing.
    pub fn uninstall(&self, dry_run: bool) -> Result<Vec<Step>, ScriptsError> {
        let mut steps = Vec::new();
        for name in NAMES {
            let path = self.path(name);
            let aside = self.aside(&path);
            let is_ours = self.is_ours(&path);
            let is_free = is_ours || path.symlink_metadata().is_err();
            if is_ours {
                steps.push(Step::Unlink(path.clone()));
            }
            let is_aside = aside.symlink_metadata().is_ok() && is_free;
            if is_aside {
                steps.push(Step::Back(path.clone(), aside.clone()));
            }
            if dry_run {
                continue;
            }
            if is_ours {
                fs::remove_file(&path).map_err(|error| ScriptsError::Io {
                    verb: "remove",
                    path: path.clone(),
                    error,
                })?;
            }
            match &self.divert {
                // What somebody else has put in the link's place stays, and so does what is kept aside.
                Some(program) if is_free => self.divert(program, &["--rename", "--remove"], name)?,
                None if is_aside => fs::rename(&aside, &path).map_err(|error| ScriptsError::Io {
                    verb: "put back",
                    path: path.clone(),
                    error,
                })?,
                _ => {}
            }
        }
        Ok(steps)
    }

    /// Whether there is a link to this program, by whatever path.
    fn is_ours(&self, path: &Path) -> bool {
        fs::read_link(path).is_ok_and(|target| {
            target == self.program || target.file_name().is_some_and(|name| name == "dom0net")
        })
    }

    fn aside(&self, path: &Path) -> PathBuf {
        let suffix = if self.divert.is_some() { DIVERTED } else { RENAMED };
        path.with_added_extension(suffix)
    }

    fn divert(&self, program: &Path, options: &[&str], name: &str) -> Result<(), ScriptsError> {
        let path = format!("/{FOLDER}/{name}");
        let mut command = Command::new(program);
        if self.prefix != Path::new("/") {
            command.arg("--root").arg(&self.prefix);
        }
        command.args(["--quiet", "--local", "--divert"]).arg(format!("{path}.{DIVERTED}"));
        let output = command.args(options).arg(&path).stdin(Stdio::null()).output();
        let output = output.map_err(|error| ScriptsError::Io { verb: "run", path: program.into(), error })?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let sentence = text.trim().lines().next_back().unwrap_or_default().to_owned();
        Err(ScriptsError::Divert { path: path.into(), sentence })
    }
}

/// Keeps a file aside that no package manager cares for.
fn put_aside(path: &Path, aside: &Path) -> Result<(), ScriptsError> {
    if aside.symlink_metadata().is_ok() {
        return Err(ScriptsError::Taken { path: path.to_owned(), aside: aside.to_owned() });
    }
    fs::rename(path, aside).map_err(|error| ScriptsError::Io { verb: "move", path: path.to_owned(), error })
}

fn dpkg_divert() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("dpkg-divert")).find(|program| program.is_file())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aside(path, aside) => write!(f, "keep {} aside as {}", path.display(), aside.display()),
            Self::Link(path) => write!(f, "link {}", path.display()),
            Self::Already(path) => write!(f, "{} is linked already", path.display()),
            Self::Unlink(path) => write!(f, "remove the link {}", path.display()),
            Self::Back(path, aside) => write!(f, "put {} back as {}", aside.display(), path.display()),
        }
    }
}

/// Scripts could not be put in place, or given back.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScriptsError {
    /// The system refused.
    Io {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// A file would be kept aside where another is.
    Taken {
        /// The file.
        path: PathBuf,
        /// The other.
        aside: PathBuf,
    },
    /// dpkg did not do it.
    Divert {
        /// The file that was to be kept aside or put back.
        path: PathBuf,
        /// What it said.
        sentence: String,
    },
}

impl fmt::Display for ScriptsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { verb, path, error } => write!(f, "cannot {verb} {}: {error}", path.display()),
            Self::Taken { path, aside } => write!(
                f,
                "{} is no link of this program, and {} is kept aside already; remove one of the two",
                path.display(),
                aside.display()
            ),
            Self::Divert { path, sentence } => {
                write!(f, "dpkg-divert refuses {}: {sentence}", path.display())
            }
        }
    }
}

impl std::error::Error for ScriptsError {}
