//! What the files say of the host, and what that means for each guest's interfaces.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::guests;
use super::reading::{Content, Reading};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::dialect::FileKind;
use crate::native;
use crate::options::Options;
use crate::script::Script;
use crate::source::Source;
use crate::text::Text;
use crate::vif::{Defaults, Effective, Toolstack};
use crate::xend::XendConfig;

/// How guests are connected, as far as a script's name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Through a bridge of Linux.
    Bridge,
    /// Through a bridge of Open vSwitch.
    OpenVSwitch,
    /// By routes.
    Route,
    /// By routes, behind the host's address.
    Nat,
}

impl Mode {
    /// What a vif script does, when it is one of Xen's.
    #[must_use]
    pub fn of_vif_script(name: &str) -> Option<Self> {
        match name.rsplit('/').next().unwrap_or("") {
            "vif-bridge" => Some(Self::Bridge),
            "vif-openvswitch" => Some(Self::OpenVSwitch),
            "vif-route" => Some(Self::Route),
            "vif-nat" => Some(Self::Nat),
            _ => None,
        }
    }

    /// What a network script does, when it is one of Xen's.
    #[must_use]
    pub fn of_network_script(name: &str) -> Option<Self> {
        match name.rsplit('/').next().unwrap_or("") {
            "network-bridge" | "network" => Some(Self::Bridge),
            "network-route" => Some(Self::Route),
            "network-nat" => Some(Self::Nat),
            _ => None,
        }
    }

    /// The vif script that belongs to it.
    pub(super) const fn vif_script(self) -> &'static str {
        match self {
            Self::Bridge => "vif-bridge",
            Self::OpenVSwitch => "vif-openvswitch",
            Self::Route => "vif-route",
            Self::Nat => "vif-nat",
        }
    }
}

/// Which bridges exist on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bridges {
    /// Nothing is known about them.
    Unknown,
    /// These are all, and where that is said.
    Known(Vec<String>, String),
}

/// What is known of the host.
#[derive(Debug, Default)]
pub(super) struct HostFacts {
    xend: Option<Defaults>,
    xl: Option<Defaults>,
    none: Defaults,
    /// The bridges that the caller knows of.
    given: Option<Vec<String>>,
    /// The network script of xend, and the file that names it.
    network_script: Option<(Script, String)>,
    /// Scripts among the files, by name: what they make.
    wrappers: HashMap<String, Bridges>,
    /// The bridges, once somebody asks.
    bridges: OnceCell<Bridges>,
    pub(super) antispoof: bool,
    /// Domains by name, and whether they serve network interfaces.
    pub(super) serves_network: HashMap<String, bool>,
}

impl HostFacts {
    pub(super) fn new(options: &Options) -> Self {
        Self { given: options.bridges.clone(), ..Self::default() }
    }

    /// The bridges of the host: those that the caller knows of, else those that the network script makes.
    pub(super) fn bridges(&self) -> &Bridges {
        self.bridges.get_or_init(|| {
            if let Some(bridges) = &self.given {
                return Bridges::Known(bridges.clone(), "the host".to_owned());
            }
            let Some((script, path)) = &self.network_script else { return Bridges::Unknown };
            match Mode::of_network_script(&script.name) {
                Some(_) => bridges_of(script)
                    .map_or(Bridges::Unknown, |bridges| Bridges::Known(bridges, path.clone())),
                None => self.wrappers.get(script.base_name()).cloned().unwrap_or(Bridges::Unknown),
            }
        })
    }

    /// What interfaces take from the host's configuration.
    pub(super) const fn defaults(&self, toolstack: Toolstack) -> &Defaults {
        let found = match toolstack {
            Toolstack::Xm => &self.xend,
            Toolstack::Xl => &self.xl,
        };
        match found {
            Some(defaults) => defaults,
            None => &self.none,
        }
    }

    /// The bridge that an interface is on; `None` when it is routed.
    pub(super) fn network_of(&self, effective: &Effective) -> Option<String> {
        if matches!(Mode::of_vif_script(&effective.script), Some(Mode::Route | Mode::Nat)) {
            return None;
        }
        let first = match self.bridges() {
            Bridges::Known(bridges, _) => bridges.first().map(String::as_str),
            Bridges::Unknown => None,
        };
        // Without a name, vif-bridge takes the first bridge of the host.
        Some(effective.bridge.clone().unwrap_or_else(|| first.unwrap_or("xenbr0").to_owned()))
    }

    pub(super) fn learn(&mut self, reading: &Reading) {
        match &reading.content {
            Content::XendConfig(config) if self.xend.is_none() => {
                self.learn_xend(config, reading.source.name());
            }
            Content::XlConf(conf) if self.xl.is_none() => self.xl = Some(conf.defaults.clone()),
            Content::Domain(domain) => {
                if let Some(name) = domain.name() {
                    let serves = domain.backends.iter().any(|backend| backend.value.is_network());
                    self.serves_network.entry(name.to_owned()).or_insert(serves);
                }
            }
            _ if reading.detection.kind == FileKind::Script => self.learn_wrapper(&reading.source),
            _ => {}
        }
    }

    /// A script among the files may be the network script: what its calls make is known if it does nothing else.
    fn learn_wrapper(&mut self, source: &Source) {
        let mut found = Diagnostics::new();
        let calls = native::calls(source, &mut found);
        let name = source.name().rsplit('/').next().unwrap_or("").to_owned();
        if calls.is_empty() || !found.as_slice().is_empty() {
            return;
        }
        let made = calls
            .into_iter()
            .map(|call| bridges_of(&Script { name: call.script, arguments: call.arguments }));
        let bridges = made
            .collect::<Option<Vec<_>>>()
            .map_or(Bridges::Unknown, |bridges| Bridges::Known(bridges.concat(), source.name().to_owned()));
        self.wrappers.insert(name, bridges);
    }

    fn learn_xend(&mut self, config: &XendConfig, path: &str) {
        self.xend = Some(config.defaults());
        let Some(script) = &config.network_script else { return };
        self.antispoof = script.argument("antispoof") == Some("yes");
        self.network_script = Some((script.clone(), path.to_owned()));
    }

    pub(super) fn check(&self, reading: &mut Reading) {
        let found = match &reading.content {
            Content::XendConfig(config) => check_xend(config),
            Content::Domain(domain) => guests::check(domain, self),
            _ => return,
        };
        reading.diagnostics.extend(found);
    }
}

/// The bridges that a network script makes: `None` when it is not one of Xen's own.
fn bridges_of(script: &Script) -> Option<Vec<String>> {
    match Mode::of_network_script(&script.name)? {
        Mode::Bridge => {}
        _ => return Some(Vec::new()),
    }
    let digits = |name: &str| name.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let vifnum = script.argument("vifnum").map(str::to_owned);
    let netdev = script.argument("netdev");
    match script.argument("bridge") {
        Some("null") => None,
        Some(bridge) => Some(vec![bridge.to_owned()]),
        None => {
            // Named after the number up to 3.1, after the device from 3.2 on.
            let number = vifnum.or_else(|| netdev.map(digits)).filter(|number| !number.is_empty());
            let number = number.unwrap_or_else(|| "0".to_owned());
            let device = netdev.map_or_else(|| format!("eth{number}"), str::to_owned);
            let mut names = vec![format!("xenbr{number}"), device];
            if script.name == "network" {
                names.push("xen-br0".to_owned());
            }
            Some(names)
        }
    }
}

fn check_xend(config: &XendConfig) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let network = config.network_script.as_ref().and_then(|script| Mode::of_network_script(&script.name));
    let vif_script = config.vif_script.as_ref().map_or("vif-bridge", |script| script.name.as_str());
    let vif = Mode::of_vif_script(vif_script);
    if let (Some(network), Some(vif)) = (network, vif)
        && network != vif
        && vif != Mode::OpenVSwitch
    {
        let script = config.network_script.as_ref().map_or("", Script::base_name);
        let wanted = network.vif_script();
        let mut diagnostic = Diagnostic::new(
            &kinds::SCRIPTS_MISMATCH,
            config.vif_script_text.as_ref().or(config.network_script_text.as_ref()).map(Text::span),
            format!("`{script}` and `{vif_script}` do not go together"),
        )
        .note("the one prepares the host for guests that the other connects in another way")
        .help(format!("write (vif-script {wanted})"));
        if let (Some(_), Some(text)) = (&config.vif_script_text, &config.network_script_text) {
            diagnostic = diagnostic.related(text.span(), "the network script");
        }
        if let Some(text) = &config.vif_script_text {
            diagnostic = diagnostic.replace(text.span(), wanted);
        }
        found.push(diagnostic);
    }
    if let (Some(script), Some(text), Some(_)) =
        (&config.network_script, &config.network_script_text, network)
    {
        found.extend(check_arguments(script, text));
    }
    found
}

/// Arguments of Xen's network scripts are `name=value` words, and a script evaluates any name.
fn check_arguments(script: &Script, text: &Text) -> Vec<Diagnostic> {
    const KNOWN: [&str; 12] = [
        "vifnum",
        "bridge",
        "netdev",
        "antispoof",
        "dhcp",
        "pdev",
        "vdev",
        "vif0",
        "veth",
        "stp",
        "nloopbacks",
        "command",
    ];
    let mut found = Vec::new();
    let mut start = script.name.len() + 1;
    for argument in &script.arguments {
        let place = text.place(start..start + argument.len());
        start += argument.len() + 1;
        if argument.is_empty() {
            continue;
        }
        let Some((name, value)) = argument.split_once('=') else {
            if !matches!(argument.as_str(), "start" | "stop" | "status") {
                found.push(
                    Diagnostic::new(
                        &kinds::SCRIPT_WORD,
                        place,
                        format!("`{argument}` is no `name=value`"),
                    )
                    .note(
                        "Xen's scripts take the first word without `=` for the command, in place of `start`",
                    )
                    .help("write `name=value`"),
                );
            }
            continue;
        };
        if !KNOWN.contains(&name) {
            let diagnostic = Diagnostic::new(
                &kinds::SCRIPT_ARGUMENT_UNKNOWN,
                place,
                format!("`{}` has no argument `{name}`", script.base_name()),
            )
            .note("the script sets a variable of that name and does not look at it");
            found.push(match crate::suggest::nearest(name, KNOWN) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}={value}`?")),
                None => diagnostic.help("the arguments are bridge, netdev, vifnum, antispoof and dhcp"),
            });
        } else if name == "antispoof" && !matches!(value, "yes" | "no") {
            found.push(
                Diagnostic::new(
                    &kinds::SCRIPT_ARGUMENT_VALUE,
                    place,
                    format!("`antispoof={value}` is the same as `antispoof=no`"),
                )
                .note("the script compares with the word `yes`")
                .help("write `antispoof=yes` or `antispoof=no`"),
            );
        }
    }
    found
}
