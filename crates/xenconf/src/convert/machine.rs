//! A domain as both sides know it, gathered from any language.

use super::disk::Disk;
use crate::dialect::Dialect;
use crate::domain::{Domain, OtherDevice};
use crate::names;
use crate::value::{Setting, Value, ValueKind};

/// A domain on its way from one language to another.
pub(super) struct Machine<'d> {
    pub(super) domain: &'d Domain,
    pub(super) kernel: Option<String>,
    pub(super) ramdisk: Option<String>,
    pub(super) root: Option<String>,
    /// The kernel's further arguments, without `ip=…`.
    pub(super) extra: Option<String>,
    /// The `ip=…` for the kernel.
    pub(super) ip: Option<String>,
    pub(super) disks: Vec<Disk>,
    /// Frame buffers, as xl writes them.
    pub(super) frame_buffers: Vec<String>,
    /// All else that xl knows, by xl's names.
    pub(super) settings: Vec<(String, Value)>,
    /// What could not be carried over, as comments.
    pub(super) left_out: Vec<String>,
}

/// Settings that this module gives a place of their own.
const PLACED: [&str; 27] = [
    "name",
    "uuid",
    "vif",
    "pci",
    "builder",
    "type",
    "nics",
    "netif",
    "blkif",
    "driver_domain",
    "kernel",
    "ramdisk",
    "root",
    "extra",
    "disk",
    "vfb",
    "dhcp",
    "ip",
    "netmask",
    "gateway",
    "hostname",
    "interface",
    "nfs_server",
    "nfs_root",
    "image",
    "device",
    "backend",
];

/// What xend adds to a domain that it prints, and nobody configures.
const RUNTIME: [&str; 16] = [
    "domid",
    "status",
    "start_time",
    "cpu_time",
    "online_vcpus",
    "store_mfn",
    "console_mfn",
    "state",
    "up_time",
    "security_label",
    "on_xend_start",
    "on_xend_stop",
    "vnet",
    "features",
    "notes",
    "up_since",
];

/// Names of xm and of SXP, with those that xl has for the same.
const RENAMED: [(&str, &str); 4] =
    [("bootargs", "bootloader_args"), ("cpu_cap", "cap"), ("pool_name", "pool"), ("args", "extra")];

/// Why some settings of xm have no successor.
const REASONS: [(&str, &str); 8] = [
    ("device_model", "xl finds the device model by itself; device_model_override names another one"),
    ("on_xend_start", "link the file into /etc/xen/auto to start the domain with the host"),
    ("on_xend_stop", "the service xendomains stops the domains with the host"),
    ("vcpu_avail", "write vcpus and maxvcpus"),
    ("cpu", "write cpus"),
    ("access_control", "write seclabel"),
    ("vif2", "netchannel2 is gone"),
    ("loader", "xl finds hvmloader by itself"),
];

impl<'d> Machine<'d> {
    pub(super) fn new(domain: &'d Domain) -> Self {
        let mut machine = Self {
            domain,
            kernel: None,
            ramdisk: None,
            root: None,
            extra: None,
            ip: domain.kernel_ip.clone(),
            disks: Vec::new(),
            frame_buffers: Vec::new(),
            settings: Vec::new(),
            left_out: Vec::new(),
        };
        if domain.dialect == Dialect::Sxp {
            machine.gather_sxp();
        } else {
            machine.gather_assignments();
        }
        machine
    }

    fn text(&self, name: &str) -> Option<String> {
        let value = self.domain.settings.value(name)?;
        let text = match &value.kind {
            ValueKind::Text(text) | ValueKind::Number(text) => text.as_str().to_owned(),
            ValueKind::Integer(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Why a value is not known.
    const fn unknown(&self) -> &'static str {
        match self.domain.dialect {
            Dialect::Xl => "its line could not be read",
            _ => "its value is not known without running the file",
        }
    }

    fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.push(format!("{what} ({why})"));
    }

    fn gather_assignments(&mut self) {
        self.place_kernel();
        let domain = self.domain;
        for item in domain.settings.value("disk").and_then(Value::items).unwrap_or(&[]) {
            match item.as_str() {
                Some(spec) if domain.dialect == Dialect::Xl => self.disks.push(Disk::from_xl(spec)),
                Some(spec) => self.disks.push(Disk::from_spec(spec)),
                None => self.leave_out("a disk", self.unknown()),
            }
        }
        for item in domain.settings.value("vfb").and_then(Value::items).unwrap_or(&[]) {
            self.frame_buffers.extend(item.as_str().map(frame_buffer));
        }
        for setting in &domain.settings {
            if !PLACED.contains(&setting.name.as_str()) {
                self.carry(setting);
            } else if setting.value.is_unknown() {
                self.leave_out(&setting.name, self.unknown());
            }
        }
        if domain.dialect == Dialect::Xl {
            for name in [
                "dhcp",
                "ip",
                "netmask",
                "gateway",
                "hostname",
                "interface",
                "nfs_server",
                "nfs_root",
                "netif",
                "blkif",
            ] {
                if let Some(text) = self.text(name) {
                    self.leave_out(&format!("{name} = {text}"), "xl ignores it");
                }
            }
        }
    }

    fn place_kernel(&mut self) {
        // xl and late xends find the loader of fully virtual guests by themselves.
        let is_loader = |kernel: &String| kernel.ends_with("hvmloader") || kernel.ends_with("vmxloader");
        self.kernel = self.text("kernel").filter(|kernel| !is_loader(kernel));
        self.ramdisk = self.text("ramdisk");
        self.root =
            self.text("root").map(|root| root.strip_prefix("root=").map_or(root.clone(), str::to_owned));
        self.extra = self.text("extra");
        let nfs =
            self.text("nfs_server").zip(self.text("nfs_root")).filter(|_| self.domain.dialect == Dialect::Xm);
        if let Some((server, root)) = nfs {
            let extra = self.extra.take().map(|extra| format!(" {extra}")).unwrap_or_default();
            self.extra = Some(format!("nfsroot={server}:{root}{extra}"));
        }
    }

    /// Takes a setting over, if xl has one for it.
    fn carry(&mut self, setting: &Setting) {
        let name = setting.name.as_str();
        let new_name = RENAMED.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| *new);
        let (xm, xl) = names::known_to(new_name);
        match &setting.value.kind {
            ValueKind::Unknown(_) if xm || xl => {
                self.leave_out(name, self.unknown());
            }
            ValueKind::Unknown(_) => {}
            ValueKind::Boolean(_)
            | ValueKind::None
            | ValueKind::Tuple(_)
            | ValueKind::Long(_)
            | ValueKind::Dictionary(_) => {
                if xm || xl {
                    self.leave_out(name, "xm ignored it, for the type of its value");
                }
            }
            _ if name == "restart" => self.restart(setting.value.as_str().unwrap_or("")),
            _ if name == "device_model"
                && setting.value.as_str().is_some_and(|path| path.ends_with("stubdom-dm")) =>
            {
                self.leave_out(&shown(setting), "write device_model_stubdomain_override = 1");
            }
            _ if reason(name).is_some() => self.leave_out(&shown(setting), reason(name).unwrap_or("")),
            // What xend prints of settings that were not made.
            _ if self.domain.dialect == Dialect::Sxp && setting.value.as_str() == Some("") => {}
            _ if xl => self.push(new_name, setting.value.clone()),
            _ if xm => self.leave_out(&shown(setting), "xl does not know it"),
            // A variable of the file's own, or of the command line.
            _ if self.domain.dialect == Dialect::Xm || setting.name_span.is_empty() => {}
            _ => self.leave_out(&shown(setting), "it is no setting"),
        }
    }

    /// `restart = 'onreboot'` is short for three other settings.
    fn restart(&mut self, how: &str) {
        let (off, reboot, crash) = match how {
            "always" => ("restart", "restart", "restart"),
            "never" => ("destroy", "destroy", "destroy"),
            "onreboot" => ("destroy", "restart", "destroy"),
            _ => return self.leave_out(&format!("restart = {how}"), "it is not known"),
        };
        for (name, value) in [("on_poweroff", off), ("on_reboot", reboot), ("on_crash", crash)] {
            if self.domain.settings.get(name).is_none() {
                self.set(name, value);
            }
        }
    }

    /// Takes a setting over under xl's name, once: a broken file may have it in two places.
    fn push(&mut self, name: &str, value: Value) {
        if PLACED.contains(&name) || self.settings.iter().any(|(known, _)| known == name) {
            self.leave_out(name, "it is set in another place");
        } else {
            self.settings.push((name.to_owned(), value));
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        let span = crate::source::Span::default();
        let text = crate::text::Text::whole(value.to_owned(), span);
        self.push(name, Value::new(ValueKind::Text(text), span));
    }

    fn gather_sxp(&mut self) {
        let domain = self.domain;
        for setting in domain.settings.iter().filter(|setting| !PLACED.contains(&setting.name.as_str())) {
            if !RUNTIME.contains(&setting.name.as_str()) {
                self.carry(setting);
            }
        }
        let image = domain.settings.value("image").and_then(Value::items).unwrap_or(&[]);
        for child in image.iter().skip(1).filter_map(Value::items) {
            if let [name, value, ..] = child
                && let Some(name) = name.as_str()
            {
                self.image_child(name, value);
            }
        }
        for device in &domain.devices {
            self.device(device);
        }
    }

    fn image_child(&mut self, name: &str, value: &Value) {
        let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        match name {
            "kernel" if text.as_deref().is_some_and(|kernel| kernel.ends_with("hvmloader")) => {}
            "kernel" => self.kernel = text,
            "ramdisk" => self.ramdisk = text,
            "root" => {
                self.root = text.map(|root| root.strip_prefix("root=").map_or(root.clone(), str::to_owned));
            }
            "args" => self.extra = text,
            "ip" => {}
            name if RUNTIME.contains(&name) => {}
            name if names::is_xl_setting(name) && reason(name).is_none() => self.push(name, value.clone()),
            name => {
                let why = reason(name).unwrap_or("xl does not know it");
                self.leave_out(&format!("{name} {}", value.as_str().unwrap_or("…")), why);
            }
        }
    }

    fn device(&mut self, device: &OtherDevice) {
        let value = |name: &str| {
            device.values.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
        };
        match device.kind.as_str() {
            "vbd" | "tap" | "tap2" => {
                let backend =
                    Some(value("backend")).filter(|backend| !matches!(*backend, "" | "0" | "Domain-0"));
                let mode = if value("mode").is_empty() { "r" } else { value("mode") };
                match Disk::new(value("uname"), value("dev"), mode, backend) {
                    Disk::Other(_) => {
                        self.leave_out(&format!("the disk {}", value("uname")), "its form is not known");
                    }
                    disk @ Disk::Known { .. } => self.disks.push(disk),
                }
            }
            "vfb" => {
                let pairs: Vec<String> = device
                    .values
                    .iter()
                    .filter(|(key, value)| {
                        !value.is_empty()
                            && !matches!(key.as_str(), "uuid" | "backend" | "xauthority" | "location")
                    })
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                self.frame_buffers.push(frame_buffer(&pairs.join(",")));
            }
            "vkbd" | "console" => {}
            kind => self.leave_out(&format!("a device of kind {kind}"), "it is not converted"),
        }
    }
}

/// Why a setting of xm has no successor, when that is known.
fn reason(name: &str) -> Option<&'static str> {
    REASONS.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}

/// `type=vnc` became `vnc=1`.
fn frame_buffer(spec: &str) -> String {
    let pieces = spec.split(',').map(str::trim).filter(|piece| !piece.is_empty()).map(|piece| {
        match piece.split_once('=') {
            Some(("type", kind)) => format!("{}=1", kind.trim()),
            _ => piece.to_owned(),
        }
    });
    pieces.collect::<Vec<_>>().join(",")
}

fn shown(setting: &Setting) -> String {
    match &setting.value.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => format!("{} = '{}'", setting.name, text.as_str()),
        ValueKind::Integer(number) => format!("{} = {number}", setting.name),
        _ => setting.name.clone(),
    }
}
