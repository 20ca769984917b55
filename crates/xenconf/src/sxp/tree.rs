use crate::source::Span;
use crate::text::Text;

/// All forms of one file, in one flat list: depth costs nothing, however deep a file nests.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    span: Span,
    /// `None` for a list.
    text: Option<Text>,
    /// The index behind the last node inside this one.
    end: usize,
}

impl Tree {
    /// The forms at top level, in the order of the file.
    #[must_use]
    pub const fn roots(&self) -> Children<'_> {
        Children { tree: self, next: 0, end: self.nodes.len() }
    }

    /// True when the file holds nothing but blanks and comments.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn push_text(&mut self, text: Text) {
        let end = self.nodes.len() + 1;
        self.nodes.push(Node { span: text.span(), text: Some(text), end });
    }

    /// Opens a list and returns the index to close it by.
    pub(super) fn open(&mut self, at: Span) -> usize {
        self.nodes.push(Node { span: at, text: None, end: self.nodes.len() + 1 });
        self.nodes.len() - 1
    }

    pub(super) fn close(&mut self, list: usize, end: usize) {
        let behind = self.nodes.len();
        if let Some(node) = self.nodes.get_mut(list) {
            node.span = Span::new(node.span.start as usize, end);
            node.end = behind;
        }
    }
}

/// Equal when they hold the same lists of the same texts, wherever these stand.
impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(|(a, b)| a.end == b.end && a.text == b.text)
    }
}

/// One list, atom or string of a [`Tree`].
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'t> {
    tree: &'t Tree,
    index: usize,
    node: &'t Node,
}

impl<'t> NodeRef<'t> {
    /// Where it stands.
    #[must_use]
    pub const fn span(self) -> Span {
        self.node.span
    }

    /// The text of an atom or a string, which are the same thing; `None` for a list.
    #[must_use]
    pub const fn text(self) -> Option<&'t Text> {
        self.node.text.as_ref()
    }

    /// The same as a `str`.
    #[must_use]
    pub fn as_str(self) -> Option<&'t str> {
        self.text().map(Text::as_str)
    }

    /// True for a list.
    #[must_use]
    pub const fn is_list(self) -> bool {
        self.node.text.is_none()
    }

    /// What a list holds; nothing for an atom.
    #[must_use]
    pub const fn children(self) -> Children<'t> {
        Children { tree: self.tree, next: self.index + 1, end: self.node.end }
    }

    /// The name of a form: the text of a list's first child.
    #[must_use]
    pub fn head(self) -> Option<&'t str> {
        self.children().next()?.as_str()
    }

    /// What follows the name of a form, without an attribute list `(@ …)`.
    pub fn arguments(self) -> impl Iterator<Item = NodeRef<'t>> + Clone {
        self.children().skip(1).filter(|child| child.head() != Some("@"))
    }

    /// The forms inside a form that have this name, as `(ip …)` in `(vif (ip …))`.
    pub fn forms(self, name: &str) -> impl Iterator<Item = NodeRef<'t>> + Clone {
        self.arguments().filter(move |child| child.head() == Some(name))
    }

    /// The first argument of the first form of this name, which is what xend's `child_value` gave.
    #[must_use]
    pub fn value(self, name: &str) -> Option<NodeRef<'t>> {
        self.forms(name).next()?.arguments().next()
    }
}

/// Goes over the nodes of one list, or of the top level.
#[derive(Clone, Debug)]
pub struct Children<'t> {
    tree: &'t Tree,
    next: usize,
    end: usize,
}

impl<'t> Iterator for Children<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        if self.next >= self.end {
            return None;
        }
        let index = self.next;
        let node = self.tree.nodes.get(index)?;
        self.next = node.end;
        Some(NodeRef { tree: self.tree, index, node })
    }
}
