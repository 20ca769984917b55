use super::textual;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, kinds};
use crate::dialect::{Detection, Dialect, FileKind, ReadAsXl, detect_and_read};
use crate::domain::{self, Domain};
use crate::native::Networks;
use crate::options::Options;
use crate::source::{Encoding, Source, Span};
use crate::sxp;
use crate::xend::{self, XendConfig};
use crate::xlconf::{self, XlConf};

/// What a file holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// xend's configuration.
    XendConfig(XendConfig),
    /// A domain.
    Domain(Box<Domain>),
    /// `xl.conf`.
    XlConf(XlConf),
    /// The networks of a host.
    Networks(Networks),
    /// Something that this crate gives no meaning.
    Nothing,
}

/// One file, read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its text.
    pub source: Source,
    /// What it was taken for, and why.
    pub detection: Detection,
    /// What it holds.
    pub content: Content,
    /// What is wrong with it.
    pub diagnostics: Diagnostics,
}

impl Reading {
    /// The domain, when it is one.
    #[must_use]
    pub fn domain(&self) -> Option<&Domain> {
        match &self.content {
            Content::Domain(domain) => Some(domain),
            _ => None,
        }
    }
}

/// Reads one file and says what is wrong with it by itself.
#[must_use]
pub fn read_file(name: impl Into<String>, bytes: &[u8], options: &Options) -> Reading {
    let source = Source::new(name, bytes);
    let mut diagnostics = Diagnostics::new();
    if let Some(fault) = unreadable(&source) {
        // A folder may hold anything.
        if !options.found_in_folder {
            diagnostics.push(fault);
        }
        let reason = "it is not a text that Xen reads".to_owned();
        let detection =
            Detection { kind: FileKind::Other, dialect: options.dialect.unwrap_or(Dialect::Xl), reason };
        return Reading { source, detection, content: Content::Nothing, diagnostics };
    }
    let (detection, as_xl) = detect_and_read(&source, options);
    if !matches!(detection.kind, FileKind::Other | FileKind::Script | FileKind::Empty) {
        textual::check(&source, detection.dialect, &mut diagnostics);
    }
    if detection.kind == FileKind::Other && !options.found_in_folder {
        diagnostics.push(none_of_xens(&detection));
    }
    let content = content(&source, &detection, as_xl, options, &mut diagnostics);
    diagnostics.sort();
    Reading { source, detection, content, diagnostics }
}

/// What makes a file no text at all.
fn unreadable(source: &Source) -> Option<Diagnostic> {
    if source.encoding() == Encoding::Utf16 {
        return Some(
            Diagnostic::new(&kinds::TEXT_UTF16, None, "the file is encoded in UTF-16")
                .note("no program of Xen reads it")
                .help("save it as UTF-8 without a byte order mark"),
        );
    }
    let nul = source.text().find('\0')?;
    Some(
        Diagnostic::new(
            &kinds::TEXT_BINARY,
            Span::new(nul, nul + 1),
            "the file holds NUL characters: it is not text",
        )
        .help("check the name of the file"),
    )
}

/// Somebody named this file, so it is meant to be something.
fn none_of_xens(detection: &Detection) -> Diagnostic {
    let found = Diagnostic::new(&kinds::TEXT_NONE_OF_XENS, None, "this is none of Xen's configuration files");
    if detection.dialect == Dialect::Sxp {
        found.severity(Severity::Warning).note(detection.reason.clone()).help("check the name of the file")
    } else {
        found
            .note("nothing in it is a setting of xend, of xl.conf or of a domain")
            .help("check the name of the file; with --for xm or --for xl it is read as a domain all the same")
    }
}

fn content(
    source: &Source,
    detection: &Detection,
    as_xl: Option<ReadAsXl>,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Content {
    match (detection.kind, detection.dialect) {
        (FileKind::XendConfig, _) => Content::XendConfig(xend::read(source, diagnostics)),
        (FileKind::XlConf, _) => Content::XlConf(match as_xl {
            Some((settings, found)) => {
                diagnostics.extend(found);
                xlconf::from_settings(settings, diagnostics)
            }
            None => xlconf::read(source, diagnostics),
        }),
        (FileKind::Networks, _) => {
            Networks::check(source, diagnostics).map_or(Content::Nothing, Content::Networks)
        }
        (FileKind::Domain, Dialect::Xml) => {
            diagnostics.push(
                Diagnostic::new(
                    &kinds::DOMAIN_IN_XML,
                    None,
                    "this domain is written in XML, for the Xen API of late xends",
                )
                .note("it is not read here, nor by xl")
                .help("print the domain with `xm list -l` and convert that, or write it for xl"),
            );
            Content::Nothing
        }
        (FileKind::PciQuirks | FileKind::PciPermissive | FileKind::Vnet | FileKind::MemoryMap, _)
        | (FileKind::Other, Dialect::Sxp) => {
            // Only the grammar is looked at.
            let _ = sxp::parse(source, diagnostics);
            Content::Nothing
        }
        _ => match domain::read_detected(source, detection, as_xl, options, diagnostics) {
            Some(domain) => Content::Domain(Box::new(domain)),
            None => Content::Nothing,
        },
    }
}
