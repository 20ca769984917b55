//! What is told of a file in JSON.

use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value as Json};

use super::host::HostFacts;
use super::reading::{Content, Reading};
use crate::diagnostic::{Diagnostic, Severity};
use crate::dialect::{Dialect, FileKind};
use crate::pci;
use crate::script::Script;
use crate::source::Source;
use crate::value::{Settings, Value, ValueKind};
use crate::vif::{Context, Defaults, Effective, Vif};

/// One file, as it is reported.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// The name by which the file was given.
    pub path: String,
    /// What the file is for.
    pub kind: FileKind,
    /// Its language.
    pub dialect: Dialect,
    /// The network script's name and arguments, when the file names one.
    pub network_script: Option<Vec<String>>,
    /// The vif script's name and arguments, when the file names one.
    pub vif_script: Option<Vec<String>>,
    /// The other forms or variables by name.
    pub settings: Map<String, Json>,
    /// The domain's name.
    pub name: Option<String>,
    /// The domain's interfaces.
    pub vifs: Vec<VifReport>,
    /// The domain's PCI devices, each as xl takes it.
    pub pci: Vec<String>,
    /// What the domain serves to others: `netif`, `blkif`, `driver_domain`.
    pub backends: Vec<&'static str>,
    /// The `ip=…` that xm puts on the kernel's command line.
    pub kernel_ip: Option<String>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// An interface: its keys as given, and with all defaults filled in.
#[derive(Clone, Debug)]
pub struct VifReport {
    /// The keys in the order of their first appearance, with the value that counts.
    pub given: Vec<(String, Json)>,
    /// With all defaults filled in.
    pub effective: Effective,
}

/// One finding. Lines and columns are counted from 1, columns in characters; the end column is the one behind
/// the place, on the same line. What concerns the file as a whole is put at its beginning.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// `error`, `warning` or `note`.
    #[serde(serialize_with = "severity_name")]
    pub severity: Severity,
    /// The code of the kind.
    pub code: &'static str,
    /// The line.
    pub line: usize,
    /// The column of the first character.
    pub column: usize,
    /// The column behind the last character.
    pub end_column: usize,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl FileReport {
    pub(super) fn new(reading: &Reading, host: &HostFacts) -> Self {
        let mut report = Self {
            path: reading.source.name().to_owned(),
            kind: reading.detection.kind,
            dialect: reading.detection.dialect,
            network_script: None,
            vif_script: None,
            settings: Map::new(),
            name: None,
            vifs: Vec::new(),
            pci: Vec::new(),
            backends: Vec::new(),
            kernel_ip: None,
            problems: reading.diagnostics.iter().map(|found| Problem::new(found, &reading.source)).collect(),
        };
        match &reading.content {
            Content::XendConfig(config) => {
                report.network_script = config.network_script.as_ref().map(words);
                report.vif_script = config.vif_script.as_ref().map(words);
                report.settings = json_settings(&config.settings, &["network-script", "vif-script"]);
            }
            Content::XlConf(conf) => report.settings = json_settings(&conf.settings, &[]),
            Content::Domain(domain) => {
                let defaults = host.defaults(domain.toolstack());
                report.name = domain.name().map(str::to_owned);
                report.vifs = domain
                    .vifs
                    .iter()
                    .zip(0..)
                    .map(|(vif, index)| VifReport::new(vif, &domain.context(), defaults, index))
                    .collect();
                report.pci = domain.pci.iter().flat_map(pci::Device::xl_specs).collect();
                report.backends = domain.backends.iter().map(|backend| backend.value.name()).collect();
                report.kernel_ip.clone_from(&domain.kernel_ip);
                report.settings =
                    json_settings(&domain.settings, &["name", "vif", "pci", "device", "backend"]);
            }
            Content::Networks(_) | Content::Nothing => {}
        }
        report
    }

    /// True when there is an error among the problems.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

impl VifReport {
    /// What is told of one interface.
    #[must_use]
    pub fn new(vif: &Vif, context: &Context, defaults: &Defaults, index: u32) -> Self {
        let mut given: Vec<(String, Json)> = Vec::with_capacity(vif.given.len());
        for pair in &vif.given {
            let is_flag =
                matches!(pair.key.as_str(), "trusted" | "untrusted") && pair.value.as_str().is_empty();
            let value = if is_flag { Json::Bool(true) } else { Json::String(pair.value.as_str().to_owned()) };
            match given.iter_mut().find(|(key, _)| *key == pair.key) {
                Some((_, old)) => *old = value,
                None => given.push((pair.key.clone(), value)),
            }
        }
        Self { given, effective: vif.effective(context, defaults, index) }
    }
}

impl Serialize for VifReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.given.iter().filter(|(key, _)| key != "effective") {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("effective", &self.effective)?;
        map.end()
    }
}

impl Problem {
    /// Finds the line and the columns of a diagnostic.
    #[must_use]
    pub fn new(diagnostic: &Diagnostic, source: &Source) -> Self {
        let span = diagnostic.span.unwrap_or_default();
        let start = source.position(span.start);
        let end = source.position(span.end);
        // A place over several lines ends, for this, with its first one.
        let end_column = if end.line == start.line {
            end.column
        } else {
            let first_line = source.slice(span).split(['\n', '\r']).next().unwrap_or("");
            start.column + first_line.chars().count()
        };
        Self {
            severity: diagnostic.severity,
            code: diagnostic.kind.code,
            line: start.line,
            column: start.column,
            end_column,
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn severity_name<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.as_str())
}

fn words(script: &Script) -> Vec<String> {
    let mut words = vec![script.name.clone()];
    words.extend(script.arguments.iter().cloned());
    words
}

fn json_settings(settings: &Settings, without: &[&str]) -> Map<String, Json> {
    settings
        .iter()
        .filter(|setting| !without.contains(&setting.name.as_str()))
        .map(|setting| (setting.name.clone(), json_value(&setting.value)))
        .collect()
}

/// A value in JSON. Numbers of xl become numbers; what is unknown becomes null.
fn json_value(value: &Value) -> Json {
    match &value.kind {
        ValueKind::Text(text) => Json::String(text.as_str().to_owned()),
        ValueKind::Number(text) => match value.as_integer() {
            Some(number) => Json::Number(number.into()),
            None => Json::String(text.as_str().to_owned()),
        },
        ValueKind::Integer(number) => Json::Number((*number).into()),
        ValueKind::Long(digits) => Json::String(digits.clone()),
        ValueKind::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        ValueKind::Boolean(truth) => Json::Bool(*truth),
        ValueKind::None | ValueKind::Unknown(_) => Json::Null,
        ValueKind::List(items) | ValueKind::Tuple(items) => {
            Json::Array(items.iter().map(json_value).collect())
        }
        ValueKind::Dictionary(items) => Json::Object(
            items
                .iter()
                .map(|(key, value)| {
                    (
                        key.as_str().map_or_else(|| json_value(key).to_string(), str::to_owned),
                        json_value(value),
                    )
                })
                .collect(),
        ),
    }
}
