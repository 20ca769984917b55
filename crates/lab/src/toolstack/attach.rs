//! Attaching an interface (`libxl__device_nic_add` and what follows it in `libxl_device.c`).

use std::hash::{BuildHasher, Hasher, RandomState};

use ethernet::MacAddress;
use xenconf::vif::{Context, Effective, VifType};
use xenstore::{Client, Requests};

use super::config::MachineKind;
use super::nodes::{self, Settings};
use super::script::{ScriptAction, ScriptCall, ScriptRun, path_in};
use super::{Manner, Toolstack, ToolstackError, VifConfig, wait};
use crate::Error;
use crate::guest::interface_for;
use crate::xenbus::{VifId, XenbusState};

/// An interface that has been attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The interface.
    pub vif: VifId,
    /// The guest's MAC address.
    pub mac: MacAddress,
    /// The calls of scripts, in order.
    pub runs: Vec<ScriptRun>,
}

/// An interface whose nodes have been written.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) vif: VifId,
    pub(super) mac: MacAddress,
    script: String,
    gatewaydev: Option<String>,
    has_tap: bool,
}

impl Toolstack {
    /// Attaches an interface to a running domain, as `xl network-attach` does.
    ///
    /// When that fails, libxl leaves all nodes where they are, and [`detach`](Self::detach) removes them. xend
    /// removes them at once.
    pub fn attach(&self, domid: u32, config: &VifConfig) -> Result<Attached, ToolstackError> {
        self.guest(domid)?;
        let mut store = self.client()?;
        let noted = self.note(&mut store, domid, config, None)?;
        let result = self.bring_up(&mut store, &noted);
        if result.is_err() && self.options.manner == Manner::Xend {
            // What was wrong in the first place is what is told.
            let _ = self.detach(domid, noted.vif.devid);
        }
        result
    }

    /// Writes the nodes of an interface. `index` is its place in the configuration of a domain that is being created.
    pub(super) fn note(
        &self,
        store: &mut Client,
        domid: u32,
        config: &VifConfig,
        created: Option<(MachineKind, u32)>,
    ) -> Result<Noted, ToolstackError> {
        let guest = self.guest(domid)?;
        let kind = match created {
            Some((kind, _)) => kind,
            None => kind_of(store, domid)?,
        };
        let context =
            Context { toolstack: self.options.manner.dialect(), guest: kind, hotplug: created.is_none() };
        let index = match created {
            Some((_, index)) if self.options.manner == Manner::Libxl => index,
            _ => self.next_devid(store, domid)?,
        };
        let effective = config.vif.effective(&context, &self.options.defaults, index);
        let vif = VifId { domid, devid: effective.devid, backend: self.backend_of(store, &effective)? };
        let mac = effective.mac.unwrap_or_else(random_mac);
        let settings = Settings {
            dialect: self.options.manner.dialect(),
            mac,
            script: path_in(&self.options.scripts, &effective.script),
            domain: guest.name().to_owned(),
            overrides: config.nodes.clone(),
            effective,
        };
        let interface = config.interface.clone();
        let interface = interface.unwrap_or_else(|| interface_for(&settings.effective.ip, &self.gateways));
        guest.set_interface(vif.devid, interface);
        let writes = nodes::of_vif(vif, &settings);
        store.transaction(|transaction| {
            if transaction.exists(&vif.frontend_path())? {
                return Err(ToolstackError::VifExists { vif });
            }
            Ok(nodes::write(transaction, &writes)?)
        })?;
        Ok(Noted {
            vif,
            mac,
            script: settings.script,
            gatewaydev: settings.effective.gatewaydev,
            has_tap: settings.effective.kind == VifType::Ioemu,
        })
    }

    /// Waits for the backend and calls the script.
    pub(super) fn bring_up(&self, store: &mut Client, noted: &Noted) -> Result<Attached, ToolstackError> {
        let vif = noted.vif;
        wait::for_backend(store, vif, XenbusState::InitWait, self.options.timeouts.backend)?;
        let mut attached = Attached { vif, mac: noted.mac, runs: Vec::new() };
        // Another domain's toolstack plugs what that domain serves.
        if vif.backend != 0 {
            return Ok(attached);
        }
        if self.options.manner == Manner::Xend {
            let run = self.call(ScriptCall::about_event(vif, &noted.script, ScriptAction::Online))?;
            self.check_status(store, vif, &run)?;
            attached.runs.push(run);
            return Ok(attached);
        }
        if noted.has_tap {
            self.make_tap(vif, &*self.guest(vif.domid)?, noted.mac)?;
        }
        let actions = [ScriptAction::Online, ScriptAction::Add];
        for action in actions.into_iter().filter(|action| noted.has_tap || !action.is_tap()) {
            let call = ScriptCall::about(vif, &noted.script, noted.gatewaydev.as_deref(), action);
            let run = self.call(call)?;
            if !run.is_success() {
                let hotplug_error = read_text(store, &format!("{}/hotplug-error", vif.backend_path()))?;
                return Err(ToolstackError::Script { vif, run: Box::new(run), hotplug_error });
            }
            attached.runs.push(run);
        }
        Ok(attached)
    }

    /// What xend makes of the script's word; nobody looks at its exit status.
    fn check_status(&self, store: &mut Client, vif: VifId, run: &ScriptRun) -> Result<(), ToolstackError> {
        let waited = self.options.timeouts.hotplug;
        let backend = vif.backend_path();
        match wait::for_value(store, &format!("{backend}/hotplug-status"), waited)? {
            None => Err(ToolstackError::NoStatus { vif, waited }),
            Some(status) if status == b"error" || status == b"busy" => {
                let hotplug_error = read_text(store, &format!("{backend}/hotplug-error"))?;
                Err(ToolstackError::Script { vif, run: Box::new(run.clone()), hotplug_error })
            }
            Some(_) => Ok(()),
        }
    }

    /// libxl takes the number after the last one that it has noted, xend counts and never takes one twice.
    fn next_devid(&self, store: &mut Client, domid: u32) -> Result<u32, ToolstackError> {
        if self.options.manner == Manner::Xend {
            let counter = format!("/local/domain/{domid}/device-misc/vif/nextDeviceID");
            return store.transaction(|transaction| {
                let next = transaction.read_text(&counter)?.and_then(|text| text.parse().ok()).unwrap_or(0);
                transaction.write(&counter, u32::saturating_add(next, 1).to_string())?;
                Ok(next)
            });
        }
        let names = store.directory(&self.notes(domid))?.unwrap_or_default();
        Ok(names.last().and_then(|name| name.parse::<u32>().ok()).map_or(0, |last| last.saturating_add(1)))
    }

    /// Calls a script on the host, with what the lab adds to its environment.
    pub(super) fn call(&self, call: ScriptCall) -> Result<ScriptRun, Error> {
        call.with(self.environment()).run(&self.host, self.options.timeouts.script)
    }

    /// The domain that serves the interface: `backend=` is a name or a number.
    fn backend_of(&self, store: &mut Client, effective: &Effective) -> Result<u32, ToolstackError> {
        let name = &effective.backend;
        let no_backend = || ToolstackError::NoBackend { name: name.clone() };
        if let Ok(domid) = name.parse::<u32>() {
            let is_there = domid == 0 || self.domains.get(domid).is_some();
            return if is_there { Ok(domid) } else { Err(no_backend()) };
        }
        if read_text(store, "/local/domain/0/name")?.as_ref() == Some(name) {
            return Ok(0);
        }
        self.domains
            .all()
            .iter()
            .find(|guest| guest.name() == name)
            .map(|guest| guest.domid())
            .ok_or_else(no_backend)
    }
}

pub(super) fn read_text(store: &mut Client, node: &str) -> Result<Option<String>, xenstore::Error> {
    Ok(store.read(node)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
}

/// Bits that nobody else has.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Xen's prefix and 23 random bits (`libxl__device_nic_setdefault`).
fn random_mac() -> MacAddress {
    let [a, b, c, ..] = random().to_be_bytes();
    MacAddress::new([0x00, 0x16, 0x3e, a & 0x7f, b, c])
}

fn kind_of(store: &mut Client, domid: u32) -> Result<MachineKind, ToolstackError> {
    Ok(match read_text(store, &format!("/libxl/{domid}/type"))?.as_deref() {
        Some("hvm") => MachineKind::Hvm,
        Some("pvh") => MachineKind::Pvh,
        _ => MachineKind::Pv,
    })
}
