//! How a hotplug script is called: arguments and environment, as libxl (and xend before it) gives them.
//!
//! The source is libxl's `libxl__get_hotplug_script_info` and Xen's `vif-common.sh`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use netkernel::link::{InvalidLinkName, LinkName};

use crate::vif::{Port, PortKind, Vif};

/// What the script is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The device has appeared: `online` for a vif, `add` for a tap.
    Appeared,
    /// The device goes or has gone: `offline` for a vif, `remove` for a tap.
    Gone,
}

/// A call of a vif script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub action: Action,
    /// For which port.
    pub port: Port,
    /// The vif's backend folder in xenstore. libxl gives it relative to the caller's own folder, xend absolute.
    pub backend: String,
    /// What the kernel or QEMU called the device when it made it; it may have been renamed since.
    pub device: LinkName,
    /// The device that guests' packets leave the host by, where the guest's configuration names one (`gatewaydev=`,
    /// which toolstacks pass on as `netdev`).
    pub gateway_device: Option<LinkName>,
    /// Other variables: the arguments of the form `name=value`, as `(vif-script 'vif-bridge bridge=xenbr1')` gives
    /// them. What xenstore says comes before them.
    pub variables: BTreeMap<String, String>,
}

/// How a call is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// To be carried out.
    Request(Request),
    /// Not for this kind of device: scripts are called for both kinds, and each call is for one.
    NotForUs,
}

/// The call makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCall {
    /// No command, or one that is not known.
    Command(Option<String>),
    /// `type_if` is neither `vif` nor `tap`.
    Kind(String),
    /// A variable that must be in the environment is not.
    Missing(&'static str),
    /// `XENBUS_PATH` is not the backend folder of a vif.
    Path(String),
    /// The device's name cannot be one.
    Device(InvalidLinkName),
    /// An argument or variable is not UTF-8.
    NotText(&'static str),
}

impl Call {
    /// Understands a call from its arguments (without the script's own name) and its environment.
    ///
    /// ```
    /// use dom0net::hotplug::{Action, Call};
    ///
    /// let environment = |name: &str| match name {
    ///     "XENBUS_PATH" => Some("backend/vif/3/0".into()),
    ///     "vif" => Some("vif3.0".into()),
    ///     _ => None,
    /// };
    /// let arguments = ["online", "type_if=vif"].map(Into::into);
    /// let Call::Request(request) = Call::parse(arguments, environment)? else { panic!("it is for a vif") };
    /// assert_eq!(request.action, Action::Appeared);
    /// assert_eq!(request.port.to_string(), "vif3.0");
    /// # Ok::<(), dom0net::hotplug::BadCall>(())
    /// ```
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, BadCall> {
        let variable = |name: &'static str| match environment(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value).filter(|value| !value.is_empty())),
            Some(Err(_)) => Err(BadCall::NotText(name)),
        };
        let (command, mut variables) = split(arguments)?;
        let kind = match variables.remove("type_if").as_deref() {
            // Callers from before there were taps do not say.
            None | Some("vif") => PortKind::Vif,
            Some("tap") => PortKind::Tap,
            Some(other) => return Err(BadCall::Kind(other.to_owned())),
        };
        let action = match (command.as_deref(), kind) {
            (Some("online"), PortKind::Vif) | (Some("add"), PortKind::Tap) => Action::Appeared,
            (Some("offline"), PortKind::Vif) | (Some("remove"), PortKind::Tap) => Action::Gone,
            (Some("online" | "offline" | "add" | "remove"), _) => return Ok(Self::NotForUs),
            _ => return Err(BadCall::Command(command)),
        };
        let backend = variable("XENBUS_PATH")?.ok_or(BadCall::Missing("XENBUS_PATH"))?;
        let vif = vif_of(&backend).ok_or_else(|| BadCall::Path(backend.clone()))?;
        let device = match kind {
            PortKind::Vif => variable("vif")?.unwrap_or_else(|| vif.to_string()),
            PortKind::Tap => variable("INTERFACE")?.ok_or(BadCall::Missing("INTERFACE"))?,
        };
        let device = LinkName::new(device).map_err(BadCall::Device)?;
        let gateway_device = variable("netdev")?
            .or_else(|| variables.get("gatewaydev").or_else(|| variables.get("netdev")).cloned())
            .filter(|name| !name.is_empty());
        let gateway_device = gateway_device.map(LinkName::new).transpose().map_err(BadCall::Device)?;
        let port = Port { vif, kind };
        Ok(Self::Request(Request { action, port, backend, device, gateway_device, variables }))
    }
}

/// The first argument without `=`, and those with one by name; the last one of a name counts.
fn split(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Option<String>, BTreeMap<String, String>), BadCall> {
    let mut command = None;
    let mut variables = BTreeMap::new();
    for argument in arguments {
        let argument = argument.into_string().map_err(|_| BadCall::NotText("an argument"))?;
        match argument.split_once('=') {
            Some((name, value)) => {
                variables.insert(name.to_owned(), value.to_owned());
            }
            None => command = command.or(Some(argument)),
        }
    }
    Ok((command, variables))
}

/// The vif whose backend folder this is: `…backend/vif/DOMID/DEVID`.
fn vif_of(backend: &str) -> Option<Vif> {
    let mut parts = backend.rsplit('/');
    let devid = number(parts.next()?)?;
    let domid = number(parts.next()?)?;
    let folder = [parts.next()?, parts.next()?];
    (folder == ["vif", "backend"]).then_some(Vif { domid, devid })
}

/// A number in the one form that xenstore has for it.
fn number(text: &str) -> Option<u32> {
    let value: u32 = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

impl fmt::Display for BadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(None) => {
                f.write_str("nothing is asked for: the first argument is online, offline, add or remove")
            }
            Self::Command(Some(word)) => {
                write!(f, "{word:?} is not known: the first argument is online, offline, add or remove")
            }
            Self::Kind(word) => write!(f, "type_if={word} is not known: it is vif or tap"),
            Self::Missing(name) => write!(
                f,
                "{name} is not in the environment; the toolstack sets it, as in \
                 XENBUS_PATH=backend/vif/1/0 vif=vif1.0 vif-bridge online type_if=vif"
            ),
            Self::Path(path) => {
                write!(f, "XENBUS_PATH={path} is not a vif's backend folder, like backend/vif/1/0")
            }
            Self::Device(error) => error.fmt(f),
            Self::NotText(what) => write!(f, "{what} is not valid UTF-8"),
        }
    }
}

impl std::error::Error for BadCall {}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Call, BadCall> {
        Call::parse(arguments.iter().map(Into::into), |wanted| {
            environment.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.into())
        })
    }

    const LIBXL: &[(&str, &str)] =
        &[("XENBUS_PATH", "backend/vif/7/1"), ("vif", "vif7.1"), ("INTERFACE", "vif7.1-emu")];

    fn request(arguments: &[&str]) -> Request {
        match call(arguments, LIBXL) {
            Ok(Call::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn libxl_calls_for_a_vif_and_for_a_tap() {
        let vif = request(&["online", "type_if=vif"]);
        assert_eq!((vif.action, vif.port.to_string().as_str()), (Action::Appeared, "vif7.1"));
        assert_eq!(vif.device.as_str(), "vif7.1");
        let tap = request(&["remove", "type_if=tap"]);
        assert_eq!((tap.action, tap.port.kind), (Action::Gone, PortKind::Tap));
        assert_eq!(tap.device.as_str(), "vif7.1-emu");
    }

    #[test]
    fn a_call_for_the_other_kind_of_device_is_not_for_us() {
        assert_eq!(call(&["online", "type_if=tap"], LIBXL), Ok(Call::NotForUs));
        assert_eq!(call(&["add", "type_if=vif"], LIBXL), Ok(Call::NotForUs));
        assert_eq!(call(&["add"], LIBXL), Ok(Call::NotForUs));
    }

    #[test]
    fn xend_gives_an_absolute_path_and_variables() {
        let environment = [("XENBUS_PATH", "/local/domain/0/backend/vif/3/0")];
        let Ok(Call::Request(request)) = call(&["online", "bridge=xenbr1"], &environment) else { panic!() };
        assert_eq!(request.port.vif, Vif { domid: 3, devid: 0 });
        assert_eq!(request.device.as_str(), "vif3.0");
        assert_eq!(request.variables["bridge"], "xenbr1");
    }

    #[test]
    fn calls_that_make_no_sense_are_refused_with_the_reason() {
        let path = |path: &str| call(&["online"], &[("XENBUS_PATH", path)]);
        for bad in ["", "backend/vif/1", "backend/vbd/1/0", "vif/1/0", "backend/vif/-1/0", "backend/vif/01/0"]
        {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert_eq!(call(&[], LIBXL), Err(BadCall::Command(None)));
        assert_eq!(call(&["up"], LIBXL), Err(BadCall::Command(Some("up".into()))));
        assert_eq!(call(&["online"], &[]), Err(BadCall::Missing("XENBUS_PATH")));
        assert!(matches!(call(&["online", "type_if=tun"], LIBXL), Err(BadCall::Kind(_))));
    }
}
