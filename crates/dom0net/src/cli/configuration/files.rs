//! Configuration files: what the arguments of a command name, and reading many of them.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use xenconf::check::{Reading, read_file};
use xenconf::options::Options;
use xenconf::source::{MAX_SIZE, Source};

use super::findings::visible;

/// The argument that means standard input.
const STANDARD_INPUT: &str = "-";

/// How many files are in memory at a time.
const BATCH: usize = 256;

/// What editors and packages leave beside a configuration: nothing reads these.
const LEFT_BEHIND: [&str; 13] = [
    "~",
    ".bak",
    ".old",
    ".orig",
    ".rej",
    ".save",
    ".swp",
    ".swo",
    ".rpmnew",
    ".rpmsave",
    ".rpmorig",
    ".dpkg-old",
    ".dpkg-dist",
];

/// A file that is to be read.
pub(crate) struct Input {
    path: PathBuf,
    /// What was in it, when it can be read only once: a pipe.
    bytes: Option<Vec<u8>>,
    found_in_folder: bool,
}

/// A file that could not be read: a sentence for the user.
pub(crate) struct Unreadable(pub(crate) String);

impl Unreadable {
    fn new(path: &Path, error: &io::Error) -> Self {
        Self(format!("cannot read {}: {error}", visible(&path.to_string_lossy())))
    }
}

/// The files that arguments name: themselves, or all that is in a folder, in the order of their names.
pub(crate) fn named(arguments: &[PathBuf]) -> (Vec<Input>, Vec<Unreadable>) {
    let mut collected = Collected::default();
    for path in arguments {
        if path.as_os_str() == STANDARD_INPUT {
            collected.take(path, read_from(io::stdin().lock()));
            continue;
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => collected.folder(path),
            Ok(found) if found.is_file() => collected.file(path.clone(), false),
            // A pipe gives what it has once.
            Ok(_) => collected.take(path, File::open(path).and_then(read_from)),
            Err(error) => collected.unreadable.push(Unreadable::new(path, &error)),
        }
    }
    (collected.inputs, collected.unreadable)
}

/// What is in one file, which is no folder.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let bytes = if path.as_os_str() == STANDARD_INPUT {
        read_from(io::stdin().lock())
    } else {
        File::open(path).and_then(read_from)
    };
    bytes.map_err(|error| Unreadable::new(path, &error))
}

/// One file as text.
pub(crate) fn source(path: &Path) -> Result<Source, Unreadable> {
    Ok(Source::new(path.to_string_lossy(), &bytes(path)?))
}

/// Reads all files, on all processors, and hands them over one after the other, in their order.
pub(crate) fn read_all(
    inputs: &[Input],
    options: &Options,
    mut take: impl FnMut(Result<Reading, Unreadable>),
) {
    let of_folder = Options { found_in_folder: true, ..options.clone() };
    let read = |input: &Input| input.read(if input.found_in_folder { &of_folder } else { options });
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    for batch in inputs.chunks(BATCH) {
        let parts = batch.chunks(batch.len().div_ceil(processors).max(1));
        thread::scope(|scope| {
            let read = &read;
            let parts: Vec<_> =
                parts.map(|part| scope.spawn(move || part.iter().map(read).collect::<Vec<_>>())).collect();
            for part in parts {
                match part.join() {
                    Ok(readings) => readings.into_iter().for_each(&mut take),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
    }
}

impl Input {
    fn read(&self, options: &Options) -> Result<Reading, Unreadable> {
        let name = self.path.to_string_lossy();
        if let Some(bytes) = &self.bytes {
            return Ok(read_file(name, bytes, options));
        }
        match File::open(&self.path).and_then(read_from) {
            Ok(bytes) => Ok(read_file(name, &bytes, options)),
            Err(error) => Err(Unreadable::new(&self.path, &error)),
        }
    }
}

/// Reads as much as is ever looked at, and one byte more, which shows that there is more.
fn read_from(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[derive(Default)]
struct Collected {
    inputs: Vec<Input>,
    unreadable: Vec<Unreadable>,
    /// Files and folders that were met, by their real paths: `auto` is full of links to files beside it.
    met: HashSet<PathBuf>,
}

impl Collected {
    fn take(&mut self, path: &Path, bytes: io::Result<Vec<u8>>) {
        match bytes {
            Ok(bytes) => {
                self.inputs.push(Input { path: path.into(), bytes: Some(bytes), found_in_folder: false });
            }
            Err(error) => self.unreadable.push(Unreadable::new(path, &error)),
        }
    }

    fn file(&mut self, path: PathBuf, found_in_folder: bool) {
        if self.is_new(&path) {
            self.inputs.push(Input { path, bytes: None, found_in_folder });
        }
    }

    fn is_new(&mut self, path: &Path) -> bool {
        self.met.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Takes all files of a folder and of those in it. Links come last, so that a file is known by its own name.
    fn folder(&mut self, top: &Path) {
        let mut folders = vec![top.to_owned()];
        let mut links = Vec::new();
        while let Some(folder) = folders.pop() {
            if !self.is_new(&folder) {
                continue;
            }
            let entries = match entries(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.unreadable.push(Unreadable::new(&folder, &error));
                    continue;
                }
            };
            let mut inner = Vec::new();
            for path in entries {
                match fs::symlink_metadata(&path) {
                    Ok(found) if found.is_symlink() => links.push(path),
                    Ok(found) if found.is_dir() => inner.push(path),
                    Ok(found) if found.is_file() => self.file(path, true),
                    // Sockets, pipes and devices are no configuration.
                    Ok(_) => {}
                    Err(error) => self.unreadable.push(Unreadable::new(&path, &error)),
                }
            }
            folders.extend(inner.into_iter().rev());
            if folders.is_empty() {
                for link in std::mem::take(&mut links) {
                    match fs::metadata(&link).as_ref().map(Metadata::file_type) {
                        Ok(kind) if kind.is_file() => self.file(link, true),
                        Ok(kind) if kind.is_dir() => folders.push(link),
                        Ok(_) => {}
                        Err(error) => self.unreadable.push(Unreadable::new(&link, error)),
                    }
                }
            }
        }
    }
}

/// What is in a folder and may be read by some program, by name.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_left_behind = LEFT_BEHIND.iter().any(|ending| name.ends_with(ending));
        if !name.starts_with(['.', '#']) && !is_left_behind {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
