//! What stands between a DHCP client that we started and the script that sets addresses for it.
//!
//! A client that starts assumes a device without an address: its script removes those that are there, or adds one that is
//! there and fails without refreshing its lifetime. So what it says at its start is told to the script as what it says
//! when it renews a lease.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;

use netkernel::Rtnetlink;
use netkernel::link::LinkName;

/// The name under which this program is such a script.
pub const SCRIPT: &str = "dom0net-dhcp-script";

/// The variable with the script that sets addresses.
pub(super) const SCRIPT_VARIABLE: &str = "DOM0NET_DHCP_SCRIPT";
/// The variable with the file that says that there is a lease.
pub(super) const BOUND_VARIABLE: &str = "DOM0NET_DHCP_BOUND";

/// What the script shall be told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing.
    Nothing,
    /// What the client says.
    Same,
    /// That the lease of this address was renewed.
    Renewed,
}

/// What the client says.
struct Saying<'a> {
    /// Its word.
    reason: &'a str,
    /// Whether the device has the address that this is about.
    has_address: bool,
    /// Whether there was a lease before.
    is_bound: bool,
}

impl Saying<'_> {
    fn told(&self) -> Told {
        match self.reason {
            // The device is up, and has what it needs.
            "PREINIT" | "PREINIT6" => Told::Nothing,
            // Of udhcpc, that means the same at its start, and later that the lease is lost.
            "deconfig" if !self.is_bound => Told::Nothing,
            "BOUND" | "REBOOT" | "bound" if self.has_address => Told::Renewed,
            // No server answers, but the lease goes on. dhclient's script would remove all addresses now, where the
            // gateway does not answer to pings.
            "TIMEOUT" if self.has_address => Told::Nothing,
            _ => Told::Same,
        }
    }

    /// True when this says that there is a lease.
    fn is_of_lease(&self) -> bool {
        let reasons = ["BOUND", "REBOOT", "RENEW", "REBIND", "BOUND6", "RENEW6", "REBIND6", "bound", "renew"];
        reasons.contains(&self.reason)
    }
}

/// Is a client's script: `arguments` and the environment as the client gives them. Returns the exit status.
pub fn run_script(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> u8 {
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let word = arguments.first().and_then(|word| word.to_str()).map(ToOwned::to_owned);
    // dhclient says it in the environment, udhcpc with the first word.
    let Some(reason) = text("reason").or(word) else { return 1 };
    let (Some(script), Some(mark)) = (variable(SCRIPT_VARIABLE), variable(BOUND_VARIABLE).map(PathBuf::from))
    else {
        return 1;
    };
    let address = text("new_ip_address").or_else(|| text("ip"));
    let has_address = has(text("interface"), address.as_deref());
    let saying = Saying { reason: &reason, has_address, is_bound: mark.exists() };
    let mut command = Command::new(script);
    match saying.told() {
        Told::Nothing => return 0,
        Told::Same => {}
        Told::Renewed if text("reason").is_some() => {
            command.env("reason", "RENEW");
            command.env("old_ip_address", address.unwrap_or_default());
        }
        Told::Renewed => arguments[0] = "renew".into(),
    }
    let Ok(status) = command.args(&arguments).status() else { return 1 };
    if saying.is_of_lease() && fs::write(&mark, "").is_err() {
        return 1;
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// True when the device has the address.
fn has(device: Option<String>, address: Option<&str>) -> bool {
    let find = || {
        let address: IpAddr = address?.parse().ok()?;
        let mut kernel = Rtnetlink::open().ok()?;
        let link = kernel.link(&LinkName::new(device?).ok()?).ok()??;
        let addresses = kernel.addresses(Some(link.index)).ok()?;
        Some(addresses.iter().any(|known| known.local == address))
    };
    find().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(reason: &str, has_address: bool, is_bound: bool) -> Told {
        Saying { reason, has_address, is_bound }.told()
    }

    #[test]
    fn what_a_client_says_at_its_start_is_not_to_take_addresses_away() {
        for reason in ["PREINIT", "PREINIT6", "deconfig"] {
            assert_eq!(told(reason, false, false), Told::Nothing, "{reason}");
        }
        for reason in ["BOUND", "REBOOT", "bound"] {
            assert_eq!(told(reason, true, false), Told::Renewed, "{reason}");
        }
        assert_eq!(told("TIMEOUT", true, false), Told::Nothing);
    }

    #[test]
    fn what_it_says_later_is_passed_on() {
        for reason in ["RENEW", "EXPIRE", "FAIL", "deconfig", "renew", "nak", "BOUND6"] {
            assert_eq!(told(reason, true, true), Told::Same, "{reason}");
        }
        // Another address than before.
        for reason in ["BOUND", "bound", "TIMEOUT"] {
            assert_eq!(told(reason, false, true), Told::Same, "{reason}");
        }
    }
}
