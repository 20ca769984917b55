//! A node with all below it, as it was read.

use std::ops::Range;

use super::error::Error;
use super::listing::Visit;

/// How much of a tree to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeLimits {
    /// The most nodes; a tree with more is an error ([`Error::TooManyNodes`]). A guest can make a thousand.
    pub nodes: usize,
    /// How many levels below the top; 0 is the top alone.
    pub depth: usize,
}

impl Default for TreeLimits {
    /// 200,000 nodes: the devices of some thousand guests. All levels.
    fn default() -> Self {
        Self { nodes: 200_000, depth: usize::MAX }
    }
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    name: Box<str>,
    content: Content,
    /// Where its children are in the list of all nodes.
    children: Range<usize>,
}

/// What reading a node's value gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Value(Vec<u8>),
    NotPermitted,
    /// It was listed, but had gone when it was read.
    Gone,
}

impl Node {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value; `None` when this domain may not read it.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Value(value) => Some(value),
            Content::NotPermitted | Content::Gone => None,
        }
    }
}

/// A node and all below it.
///
/// ```no_run
/// use xenstore::{Client, Requests, TreeLimits};
///
/// let mut client = Client::open()?;
/// let tree = client.tree("/local/domain/0/backend/vif", TreeLimits::default())?;
/// let Some(tree) = tree else { return Ok(()) };
/// for (depth, node) in tree.walk() {
///     println!("{:1$}{2}", "", depth, node.name());
/// }
/// if let Some(mac) = tree.value("1/0/mac") {
///     println!("{}", mac.escape_ascii());
/// }
/// # Ok::<(), xenstore::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Level by level, so that the children of a node stand together.
    nodes: Vec<Node>,
    /// The top again, so that there always is one.
    top: Node,
}

impl Tree {
    /// The node that was asked for.
    #[must_use]
    pub const fn top(&self) -> &Node {
        &self.top
    }

    /// The children of a node of this tree, in the daemon's order.
    #[must_use]
    pub fn children(&self, node: &Node) -> impl DoubleEndedIterator<Item = &Node> {
        let children = self.nodes.get(node.children.clone()).unwrap_or_default();
        children.iter().filter(|child| child.content != Content::Gone)
    }

    /// The node at a path below the top, such as `1/0/mac`; the empty path is the top.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .try_fold(self.top(), |node, part| self.children(node).find(|child| child.name() == part))
    }

    /// The value of the node at a path below the top.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&[u8]> {
        self.get(path).and_then(Node::value)
    }

    /// All nodes with their depth below the top, each before its children.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &Node)> {
        let mut waiting = vec![(0, self.top())];
        std::iter::from_fn(move || {
            let (depth, node) = waiting.pop()?;
            waiting.extend(self.children(node).rev().map(|child| (depth + 1, child)));
            Some((depth, node))
        })
    }
}

/// Puts a tree together while it is read.
#[derive(Debug)]
pub(super) struct Builder {
    path: Box<str>,
    limits: TreeLimits,
    nodes: Vec<Node>,
    /// The first node of the level that is read next, and the depth of the level.
    level: Level,
}

#[derive(Debug)]
struct Level {
    depth: usize,
    end: usize,
}

impl Builder {
    pub(super) fn new(path: &str, limits: TreeLimits) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default();
        let nodes = vec![unread(name)];
        Self { path: path.into(), limits, nodes, level: Level { depth: 0, end: 1 } }
    }

    pub(super) fn top(&self) -> Visit {
        Visit { index: 0, path: self.path.to_string(), descend: self.limits.depth > 0 }
    }

    /// Takes in a node that was read and says which nodes to read because of it. Nodes come in the order of
    /// their index.
    pub(super) fn add(
        &mut self,
        visit: &Visit,
        content: Content,
        names: Vec<String>,
    ) -> Result<impl Iterator<Item = Visit> + use<'_>, Error> {
        if visit.index >= self.level.end {
            self.level = Level { depth: self.level.depth + 1, end: self.nodes.len() };
        }
        let first = self.nodes.len();
        if names.len() > self.limits.nodes.saturating_sub(first) {
            return Err(Error::TooManyNodes { path: self.path.clone(), limit: self.limits.nodes });
        }
        self.nodes.extend(names.iter().map(|name| unread(name)));
        if let Some(node) = self.nodes.get_mut(visit.index) {
            node.content = content;
            node.children = first..first + names.len();
        }
        let descend = self.level.depth + 1 < self.limits.depth;
        let folder = visit.path.trim_end_matches('/').to_owned();
        Ok(names.into_iter().enumerate().map(move |(number, name)| Visit {
            index: first + number,
            path: format!("{folder}/{name}"),
            descend,
        }))
    }

    /// The tree; `None` when its top does not exist.
    pub(super) fn finish(self) -> Option<Tree> {
        let top = self.nodes.first().filter(|top| top.content != Content::Gone)?.clone();
        Some(Tree { nodes: self.nodes, top })
    }
}

fn unread(name: &str) -> Node {
    Node { name: name.into(), content: Content::Gone, children: 0..0 }
}
