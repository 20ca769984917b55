//! `xl.conf`: the defaults of xl, as far as they concern interfaces.

use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::names;
use crate::source::Source;
use crate::suggest::nearest;
use crate::value::{Settings, Value};
use crate::vif::Defaults;
use crate::xl;

/// What `xl.conf` says.
#[derive(Clone, Debug, Default)]
pub struct XlConf {
    /// For interfaces that do not say it themselves.
    pub defaults: Defaults,
    /// False when xl leaves running the scripts to udev, which has had no rules for it since Xen 4.6.
    pub runs_hotplug_scripts: bool,
    /// All settings.
    pub settings: Settings,
}

/// The old names, each with the one that it has now.
const OLD_NAMES: [(&str, &str); 2] =
    [("vifscript", "vif.default.script"), ("defaultbridge", "vif.default.bridge")];

/// Reads the file.
///
/// ```
/// use xenconf::diagnostic::Diagnostics;
/// use xenconf::source::Source;
/// use xenconf::xlconf;
///
/// let source = Source::new("xl.conf", b"vif.default.bridge = 'br0'\n");
/// let conf = xlconf::read(&source, &mut Diagnostics::new());
/// assert_eq!(conf.defaults.bridge.as_deref(), Some("br0"));
/// ```
#[must_use]
pub fn read(source: &Source, diagnostics: &mut Diagnostics) -> XlConf {
    let settings = xl::read(source, &[], diagnostics);
    from_settings(settings, diagnostics)
}

/// Gives the settings of the file their meaning.
pub(crate) fn from_settings(settings: Settings, diagnostics: &mut Diagnostics) -> XlConf {
    question_names(&settings, diagnostics);
    let text = |name: &str| settings.value(name).and_then(Value::as_str).map(str::to_owned);
    let defaults = Defaults {
        script: text("vif.default.script").or_else(|| text("vifscript")),
        bridge: text("vif.default.bridge").or_else(|| text("defaultbridge")),
        gatewaydev: text("vif.default.gatewaydev"),
        backend: text("vif.default.backend"),
    };
    question_script(&settings, diagnostics);
    let runs_hotplug_scripts = settings.value("run_hotplug_scripts").and_then(Value::as_integer) != Some(0);
    if let Some(setting) = settings.get("run_hotplug_scripts").filter(|_| !runs_hotplug_scripts) {
        diagnostics.push(
            Diagnostic::new(&kinds::XL_CONF_NO_SCRIPTS, setting.value.span, "with `run_hotplug_scripts = 0` nobody runs the scripts")
                .note("it leaves them to udev, whose rules for interfaces went with Xen 4.6: every guest waits for its network and fails")
                .help("delete the line"),
        );
    }
    XlConf { defaults, runs_hotplug_scripts, settings }
}

fn question_names(settings: &Settings, diagnostics: &mut Diagnostics) {
    for setting in settings.iter().take(1000) {
        let name = setting.name.as_str();
        if let Some((_, new)) = OLD_NAMES.iter().find(|(old, _)| *old == name) {
            diagnostics.push(
                Diagnostic::new(
                    &kinds::XL_CONF_OLD_NAME,
                    setting.name_span,
                    format!("`{name}` is an old name"),
                )
                .note("xl still reads it, with a message")
                .help(format!("write `{new}`"))
                .replace(setting.name_span, *new),
            );
        } else if !names::is_xl_conf_setting(name) {
            let diagnostic = Diagnostic::new(
                &kinds::UNKNOWN_SETTING,
                setting.name_span,
                format!("`{name}` is no setting of xl.conf"),
            )
            .note("xl ignores settings that it does not know, without a word");
            diagnostics.push(match nearest(name, names::xl_conf_settings()) {
                Some(meant) => {
                    diagnostic.help(format!("did you mean `{meant}`?")).replace(setting.name_span, meant)
                }
                None if names::is_xl_setting(name) => {
                    diagnostic.help("it is a setting of a domain: write it in the domain's file")
                }
                None => diagnostic.help("delete it, or put a `#` before it"),
            });
        }
    }
}

fn question_script(settings: &Settings, diagnostics: &mut Diagnostics) {
    let value = settings.value("vif.default.script").or_else(|| settings.value("vifscript"));
    let Some(text) = value.and_then(Value::text).filter(|text| text.as_str().trim().contains(' ')) else {
        return;
    };
    diagnostics.push(
        Diagnostic::new(&kinds::SCRIPT_ARGUMENTS, text.span(), "xl does not hand arguments to a script")
            .note(format!(
                "xl tries to run a file with the name `{}`, and no interface comes up",
                text.as_str()
            ))
            .help("write a script of your own that calls this one with its arguments"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (XlConf, Vec<&'static str>) {
        let mut diagnostics = Diagnostics::new();
        let conf = read(&Source::new("xl.conf", text.as_bytes()), &mut diagnostics);
        (conf, diagnostics.into_iter().map(|diagnostic| diagnostic.kind.code).collect())
    }

    #[test]
    fn old_names_count_when_the_new_ones_are_not_there() {
        let (conf, codes) = read_text("vifscript='vif-route'\nvif.default.bridge='a'\ndefaultbridge='b'\n");
        assert_eq!(conf.defaults.script.as_deref(), Some("vif-route"));
        assert_eq!(conf.defaults.bridge.as_deref(), Some("a"));
        assert_eq!(codes, [kinds::XL_CONF_OLD_NAME.code; 2]);
    }

    #[test]
    fn what_silently_does_something_else_is_told() {
        assert_eq!(read_text("vif.defualt.bridge='a'\n").1, [kinds::UNKNOWN_SETTING.code]);
        assert_eq!(read_text("vif.default.script='vif-bridge bridge=a'\n").1, [kinds::SCRIPT_ARGUMENTS.code]);
        let (conf, codes) = read_text("run_hotplug_scripts=0\n");
        assert_eq!((conf.runs_hotplug_scripts, codes), (false, vec![kinds::XL_CONF_NO_SCRIPTS.code]));
        assert!(read_text("").0.runs_hotplug_scripts);
    }
}
