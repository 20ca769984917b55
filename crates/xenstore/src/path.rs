//! Paths in the store and the rules that they follow.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// The longest absolute path in bytes (`XENSTORE_ABS_PATH_MAX`).
pub const ABSOLUTE_MAX: usize = 3072;

/// The longest relative path in bytes (`XENSTORE_REL_PATH_MAX`).
///
/// Daemons also hold absolute paths to this length, not counting a leading `/local/domain/<domid>/`.
pub const RELATIVE_MAX: usize = 2048;

/// A path that follows the rules of `docs/misc/xenstore.txt`.
///
/// Paths are made of ASCII letters, digits and `-`, `/`, `_`, `@`; no part is empty. They are *absolute*
/// (`/local/domain/1`),
/// *relative* to the caller's `/local/domain/<domid>` (`device/vif/0`), or *special*: the names of the events
/// `@introduceDomain` and `@releaseDomain`.
///
/// Use it wherever a part of a path comes from a value in the store: such a value is whatever a guest wrote.
///
/// ```
/// use xenstore::Path;
///
/// let backend = Path::new("/local/domain/0/backend/vif/1/0")?;
/// assert_eq!(&*backend.join("mac")?, "/local/domain/0/backend/vif/1/0/mac");
/// assert_eq!(backend.name(), "0");
/// assert!(backend.join("a//b").is_err());
/// assert!(Path::new("/spaces are not allowed").is_err());
/// # Ok::<(), xenstore::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(String);

/// What a path starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// From the root.
    Absolute,
    /// From `/local/domain/<domid>` of the caller.
    Relative,
    /// Not a node: an event such as `@releaseDomain`.
    Special,
}

impl Path {
    /// Checks and takes a path.
    pub fn new(path: impl Into<String>) -> Result<Self, PathError> {
        let path = path.into();
        check(&path)?;
        Ok(Self(path))
    }

    /// The root of the store.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path of what `relative` names below this path.
    pub fn join(&self, relative: &str) -> Result<Self, PathError> {
        if relative.starts_with('/') {
            return Err(PathError::new(relative, PathProblem::NotRelative));
        }
        let mut joined = String::with_capacity(self.0.len() + 1 + relative.len());
        joined.push_str(&self.0);
        if !joined.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(relative);
        Self::new(joined)
    }

    /// The path without its last part; `None` for the root and for a path of one part.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/')? {
            ("", "") => None,
            ("", _) => Some(Self::root()),
            (parent, _) => Some(Self(parent.to_owned())),
        }
    }

    /// The last part; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// What the path starts from.
    #[must_use]
    pub fn kind(&self) -> PathKind {
        kind(&self.0)
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Path {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Path {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::new(path)
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.0
    }
}

/// Checks a path without taking it.
pub fn check(path: &str) -> Result<PathKind, PathError> {
    let kind = kind(path);
    match problem(path, kind) {
        None => Ok(kind),
        Some(problem) => Err(PathError::new(path, problem)),
    }
}

/// Whether `character` may stand in a path, the slash included.
#[must_use]
pub const fn allowed(character: u8) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, b'-' | b'/' | b'_' | b'@')
}

fn kind(path: &str) -> PathKind {
    match path.as_bytes().first() {
        Some(b'/') => PathKind::Absolute,
        Some(b'@') => PathKind::Special,
        _ => PathKind::Relative,
    }
}

fn problem(path: &str, kind: PathKind) -> Option<PathProblem> {
    let max = if kind == PathKind::Absolute { ABSOLUTE_MAX } else { RELATIVE_MAX };
    if path.is_empty() {
        Some(PathProblem::Empty)
    } else if path.len() > max {
        Some(PathProblem::TooLong { len: path.len(), max })
    } else if let Some(at) = path.bytes().position(|byte| !allowed(byte)) {
        // All before it are single bytes.
        path.get(at..).and_then(|rest| rest.chars().next()).map(PathProblem::Character)
    } else if has_empty_part(path.as_bytes()) {
        Some(PathProblem::EmptyPart)
    } else {
        None
    }
}

fn has_empty_part(path: &[u8]) -> bool {
    path.array_windows().any(|pair| pair == b"//") || (path.ends_with(b"/") && path != b"/")
}

/// A path that breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathError {
    /// The start of the path, at most 64 characters.
    pub path: Box<str>,
    /// What is wrong with it.
    pub problem: PathProblem,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathProblem {
    /// There is nothing.
    Empty,
    /// A character that is not allowed.
    Character(char),
    /// `//`, or a `/` at the end.
    EmptyPart,
    /// More bytes than the protocol allows.
    TooLong {
        /// Bytes of the path.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// An absolute path where a relative one is needed.
    NotRelative,
}

impl PathError {
    fn new(path: &str, problem: PathProblem) -> Self {
        Self { path: path.chars().take(64).collect::<String>().into(), problem }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug form: the path may hold control characters that a guest chose.
        write!(f, "{:?} is not a xenstore path: ", self.path)?;
        match self.problem {
            PathProblem::Empty => f.write_str("it is empty"),
            PathProblem::Character(character) => {
                write!(f, "{character:?} is not allowed, only letters, digits, '-', '_', '@' and '/'")
            }
            PathProblem::EmptyPart => f.write_str("a part between slashes is empty"),
            PathProblem::TooLong { len, max } => write!(f, "it has {len} bytes, {max} are allowed"),
            PathProblem::NotRelative => f.write_str("it must not start with '/' here"),
        }
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem_of(path: &str) -> Option<PathProblem> {
        check(path).err().map(|error| error.problem)
    }

    #[test]
    fn the_three_kinds_are_told_by_their_first_character() {
        assert_eq!(check("/"), Ok(PathKind::Absolute));
        assert_eq!(check("/local/domain/0"), Ok(PathKind::Absolute));
        assert_eq!(check("device/vif/0"), Ok(PathKind::Relative));
        assert_eq!(check("@introduceDomain"), Ok(PathKind::Special));
    }

    #[test]
    fn empty_parts_are_refused() {
        for path in ["//", "/a/", "a/", "/a//b", "a//b"] {
            assert_eq!(problem_of(path), Some(PathProblem::EmptyPart), "{path}");
        }
        assert_eq!(problem_of(""), Some(PathProblem::Empty));
    }

    #[test]
    fn characters_outside_the_list_are_refused() {
        for (path, character) in [("/a b", ' '), ("/a.b", '.'), ("/\0", '\0'), ("/ä", 'ä'), ("a\n", '\n')] {
            assert_eq!(problem_of(path), Some(PathProblem::Character(character)), "{path:?}");
        }
        assert_eq!(problem_of("/Az09-_@"), None);
    }

    #[test]
    fn lengths_are_limited() {
        assert_eq!(problem_of(&format!("/{}", "a".repeat(3071))), None);
        assert_eq!(
            problem_of(&format!("/{}", "a".repeat(3072))),
            Some(PathProblem::TooLong { len: 3073, max: 3072 })
        );
        assert_eq!(problem_of(&"a".repeat(2048)), None);
        assert_eq!(problem_of(&"a".repeat(2049)), Some(PathProblem::TooLong { len: 2049, max: 2048 }));
    }

    #[test]
    fn parents_end_at_the_root() {
        let path = Path::new("/a/b").unwrap();
        assert_eq!(path.parent().as_deref(), Some("/a"));
        assert_eq!(path.parent().unwrap().parent(), Some(Path::root()));
        assert_eq!(Path::root().parent(), None);
        assert_eq!(Path::new("device/vif").unwrap().parent().as_deref(), Some("device"));
        assert_eq!(Path::new("device").unwrap().parent(), None);
    }

    #[test]
    fn what_a_guest_wrote_cannot_leave_the_folder_it_is_joined_to() {
        let folder = Path::new("/local/domain/0/backend/vif").unwrap();
        assert!(folder.join("/local/domain/0").is_err());
        assert!(folder.join("").is_err());
        assert!(folder.join("../x").is_err(), "a dot is no character of a path");
        assert_eq!(Path::root().join("tool").as_deref(), Ok("/tool"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_stays_acceptable_above_and_below(
            path in "[a-z@/._ -]{0,12}",
            below in "[a-z@/._ -]{0,6}",
        ) {
            let Ok(path) = Path::new(path) else { return Ok(()) };
            if let Some(parent) = path.parent() {
                prop_assert!(check(&parent).is_ok());
                prop_assert_eq!(parent.join(path.name()), Ok(path.clone()));
            }
            if let Ok(joined) = path.join(&below) {
                prop_assert_eq!(check(&joined), Ok(path.kind()));
                prop_assert!(joined.starts_with(path.as_str()) && joined.ends_with(&below));
            }
        }

        #[test]
        fn any_text_is_judged(path in ".{0,100}") {
            let clean = !path.is_empty() && path.bytes().all(allowed) && !path.contains("//");
            prop_assert_eq!(check(&path).is_ok(), clean && (path == "/" || !path.ends_with('/')));
        }
    }

    #[test]
    fn an_error_shows_the_start_of_a_hostile_path_and_escapes_it() {
        let error = check(&format!("/\x1b[2J{}", "x".repeat(5000))).unwrap_err();
        assert_eq!(error.path.chars().count(), 64);
        assert!(!error.to_string().contains('\x1b'));
    }
}
