//! Checking the native configuration: every fault with its place.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Fault, Networks};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::source::{Source, Span};

impl Networks {
    /// Reads the file and finds fault with it; none when it is not even TOML, or says what this file does not know.
    ///
    /// ```
    /// use xenconf::diagnostic::Diagnostics;
    /// use xenconf::native::Networks;
    /// use xenconf::source::Source;
    ///
    /// let text = b"[[network]]\nname = \"lan\"\nmode = \"brigde\"\n";
    /// let source = Source::new("dom0net.toml", text);
    /// let mut diagnostics = Diagnostics::new();
    /// assert!(Networks::check(&source, &mut diagnostics).is_none());
    /// let place = diagnostics.as_slice()[0].span.unwrap();
    /// assert_eq!(source.position(place.start).line, 3);
    /// ```
    pub fn check(source: &Source, diagnostics: &mut Diagnostics) -> Option<Self> {
        let networks: Self = match toml::from_str(source.text()) {
            Ok(networks) => networks,
            Err(error) => {
                let span = error.span().map(|range| Span::new(range.start, range.end));
                // One line, as all findings are.
                let message = error.message().trim().replace('\n', ", ");
                diagnostics.push(Diagnostic::new(&kinds::NATIVE_UNREADABLE, span, message));
                return None;
            }
        };
        for fault in networks.faults() {
            let span = place(source.text(), Some(fault.network), fault.key);
            diagnostics.push(Diagnostic::new(&kinds::NATIVE_IMPOSSIBLE, span, fault.what));
        }
        Some(networks)
    }
}

/// Where a key's value stands: that of a network, counted from 0, or one that is about all. Where a network has no such
/// key, the place of its name.
#[must_use]
pub fn place(text: &str, network: Option<usize>, key: &str) -> Option<Span> {
    let file = DeTable::parse(text).ok()?;
    let span_of = |table: &DeTable<'_>, key: &str| {
        let (_, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
        let range = Spanned::span(value);
        Some(Span::new(range.start, range.end))
    };
    let Some(number) = network else { return span_of(file.get_ref(), key) };
    let (_, networks) = file.get_ref().iter().find(|(name, _)| name.get_ref() == "network")?;
    let network: &Spanned<DeValue<'_>> = networks.get_ref().as_array()?.get(number)?;
    let table = network.get_ref().as_table()?;
    span_of(table, key).or_else(|| span_of(table, "name"))
}

impl Fault {
    pub(super) fn new(network: usize, key: &'static str, what: impl Into<String>) -> Self {
        Self { network, key, what: what.into() }
    }
}
