//! What stands on the stage: a host with this program as its scripts, and guests from configuration files.

use std::fmt;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab::keeper::Context;
use lab::{Created, DomainConfig, Lab, ScriptRun};
use serde_json::Value;
use xenconf::diagnostic::Diagnostics;
use xenconf::diagnostic::render::{Style, render};
use xenconf::dialect::Dialect;
use xenconf::domain::{self, Domain};
use xenconf::options::Options;
use xenconf::source::Source;
use xenconf::vif::Defaults;
use xenconf::xend::{self, XendConfig};

/// How long a guest may take to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The names under which this program is a script of Xen's.
const SCRIPTS: [&str; 2] = ["network-bridge", "vif-bridge"];

/// Why the scene could not be set, or did not go as it should.
#[derive(Debug)]
pub(super) struct SceneError(pub(super) String);

impl fmt::Display for SceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SceneError {}

impl From<lab::Error> for SceneError {
    fn from(error: lab::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<lab::ToolstackError> for SceneError {
    fn from(error: lab::ToolstackError) -> Self {
        Self(error.to_string())
    }
}

/// Builds the wire and the host.
pub(super) fn build(context: &Context, defaults: Defaults) -> Result<Lab, SceneError> {
    let scripts = context.folder().join("scripts");
    link_scripts(&scripts)
        .map_err(|error| SceneError(format!("cannot put scripts into {}: {error}", scripts.display())))?;
    let mut config = context.config();
    config.toolstack.defaults = defaults;
    // So that `dom0net` means this program, also for who enters the host.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(scripts.clone()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        config.toolstack.environment.push(("PATH".to_owned(), path));
    }
    config.toolstack.scripts = scripts;
    Ok(Lab::build(config)?)
}

/// Links with the scripts' names to this program.
fn link_scripts(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let program = std::env::current_exe()?;
    SCRIPTS.iter().chain(&["dom0net"]).try_for_each(|name| symlink(&program, folder.join(name)))
}

/// Reads the host's configuration. Findings are told; errors are the end.
pub(super) fn read_host(source: &Source) -> Result<XendConfig, SceneError> {
    let mut diagnostics = Diagnostics::new();
    let config = xend::read(source, &mut diagnostics);
    tell(source, diagnostics)?;
    Ok(config)
}

/// Reads a guest's configuration. Findings are told; errors are the end.
pub(super) fn read_guest(source: &Source) -> Result<Domain, SceneError> {
    let mut diagnostics = Diagnostics::new();
    let domain = domain::read(source, &Options::default(), &mut diagnostics);
    tell(source, diagnostics)?;
    domain.ok_or_else(|| SceneError(format!("{} is not the configuration of a guest", source.name())))
}

fn tell(source: &Source, mut diagnostics: Diagnostics) -> Result<(), SceneError> {
    diagnostics.sort();
    for diagnostic in &diagnostics {
        eprintln!("{}\n", render(diagnostic, source, Style::default()));
    }
    if diagnostics.has_errors() {
        return Err(SceneError(format!("{} has errors", source.name())));
    }
    Ok(())
}

/// A file from disk.
pub(super) fn open(path: &Path) -> Result<Source, SceneError> {
    let bytes = std::fs::read(path)
        .map_err(|error| SceneError(format!("cannot read {}: {error}", path.display())))?;
    Ok(Source::new(path.display().to_string(), &bytes))
}

/// What the language is called in which a guest is written.
pub(super) fn language(domain: &Domain) -> &'static str {
    match domain.dialect {
        Dialect::Xl => "xl's form",
        Dialect::Sxp => "SXP",
        _ => "xm's form",
    }
}

/// Runs the host's network script; none when it has none.
pub(super) fn network(
    lab: &Lab,
    config: &XendConfig,
    operation: &str,
) -> Result<Option<ScriptRun>, SceneError> {
    let Some(script) = &config.network_script else { return Ok(None) };
    let run = lab.toolstack().network_script(script, operation)?;
    if run.is_success() {
        return Ok(Some(run));
    }
    Err(SceneError(format!("{run}\n{}", run.output.trim_end())))
}

/// Creates a guest and waits until its interfaces are connected.
pub(super) fn create(lab: &Lab, config: &DomainConfig) -> Result<Created, SceneError> {
    let created = lab.toolstack().create(config)?;
    for attached in &created.vifs {
        created.guest.wait_connected(attached.vif.devid, CONNECT_LIMIT)?;
    }
    Ok(created)
}

/// What a command of this program says on the host.
pub(super) fn ask_host(lab: &Lab, words: &[&str]) -> Result<String, SceneError> {
    let program: PathBuf = lab.toolstack().options().scripts.join("dom0net");
    let output = lab.on_host(Command::new(program).args(words))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(SceneError(format!("dom0net {}: {}", words.join(" "), error.trim_end())))
}

/// How many frames of a guest the guard has dropped, by reason.
pub(super) fn dropped(lab: &Lab, guest: &str) -> Result<Vec<(String, u64)>, SceneError> {
    let text = ask_host(lab, &["show", "--json"])?;
    let inventory: Value = serde_json::from_str(&text)
        .map_err(|error| SceneError(format!("dom0net show --json cannot be read: {error}")))?;
    let domains = inventory["domains"].as_array().into_iter().flatten();
    let vifs = domains
        .filter(|domain| domain["name"] == guest)
        .flat_map(|domain| domain["vifs"].as_array().into_iter().flatten());
    let reasons = vifs.flat_map(|vif| vif["guard"]["dropped"].as_object().into_iter().flatten());
    Ok(reasons.map(|(reason, frames)| (reason.clone(), frames.as_u64().unwrap_or(0))).collect())
}
