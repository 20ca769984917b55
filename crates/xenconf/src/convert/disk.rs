//! Disks, between xm's `UNAME,DEV,MODE[,DOM]`, xend's `(vbd …)` and xl's `key=value` form.

/// A disk, as far as both sides know one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    /// Taken apart.
    Known {
        /// `raw`, `qcow`, `qcow2` or `vhd`.
        format: &'static str,
        /// What xm writes before the target, such as `phy:` or `tap:aio:`.
        scheme: String,
        target: String,
        vdev: String,
        cdrom: bool,
        writable: bool,
        backend: Option<String>,
    },
    /// As it stands.
    Other(String),
}

/// What stands before a target, and the format that it means.
const SCHEMES: [(&str, &str); 12] = [
    ("phy:", "raw"),
    ("file:", "raw"),
    ("tap2:tapdisk:aio:", "raw"),
    ("tap:tapdisk:aio:", "raw"),
    ("tap2:aio:", "raw"),
    ("tap:aio:", "raw"),
    ("tap2:qcow2:", "qcow2"),
    ("tap:qcow2:", "qcow2"),
    ("tap2:qcow:", "qcow"),
    ("tap:qcow:", "qcow"),
    ("tap2:vhd:", "vhd"),
    ("tap:vhd:", "vhd"),
];

impl Disk {
    /// Reads `UNAME,DEV,MODE[,DOM]`.
    pub(super) fn from_spec(spec: &str) -> Self {
        let parts: Vec<&str> = spec.split(',').map(str::trim).collect();
        match parts[..] {
            [uname, dev, mode] => Self::new(uname, dev, mode, None),
            [uname, dev, mode, backend] => Self::new(uname, dev, mode, Some(backend)),
            _ => Self::Other(spec.to_owned()),
        }
        .unwrap_or(spec)
    }

    /// Puts the parts of a disk together.
    pub(super) fn new(uname: &str, dev: &str, mode: &str, backend: Option<&str>) -> Self {
        let scheme = SCHEMES.iter().find(|(scheme, _)| uname.starts_with(scheme));
        let (scheme, format, target) = match scheme {
            Some((scheme, format)) => (*scheme, *format, uname.get(scheme.len()..).unwrap_or("")),
            None if uname.is_empty() => ("", "raw", ""),
            None => return Self::Other(String::new()),
        };
        let dev = dev.strip_prefix("ioemu:").unwrap_or(dev);
        let (vdev, kind) = dev.split_once(':').unwrap_or((dev, "disk"));
        let writable = match mode {
            "r" | "ro" => false,
            "w" | "rw" | "w!" => true,
            _ => return Self::Other(String::new()),
        };
        let is_plain = |text: &str| !text.contains(['=', '"', '\\']);
        if !matches!(kind, "disk" | "cdrom") || vdev.is_empty() || !is_plain(vdev) || !is_plain(target) {
            return Self::Other(String::new());
        }
        let absolute = if scheme == "phy:" && !target.starts_with('/') {
            format!("/dev/{target}")
        } else {
            target.to_owned()
        };
        Self::Known {
            format,
            scheme: scheme.to_owned(),
            target: absolute,
            vdev: vdev.to_owned(),
            cdrom: kind == "cdrom",
            writable,
            backend: backend.filter(|backend| !backend.is_empty()).map(str::to_owned),
        }
    }

    fn unwrap_or(self, spec: &str) -> Self {
        match self {
            Self::Other(_) => Self::Other(spec.to_owned()),
            known @ Self::Known { .. } => known,
        }
    }

    /// As xl takes it.
    pub(super) fn xl(&self) -> String {
        match self {
            Self::Other(spec) => spec.clone(),
            Self::Known { format, target, vdev, cdrom, writable, backend, .. } => {
                let access = if *writable { "rw" } else { "ro" };
                let mut text = format!("format={format}, vdev={vdev}, access={access}");
                if *cdrom {
                    text.push_str(", devtype=cdrom");
                }
                if let Some(backend) = backend {
                    text.push_str(", backend=");
                    text.push_str(backend);
                }
                // The target takes all that follows it.
                text.push_str(", target=");
                text.push_str(target);
                text
            }
        }
    }

    /// The children of `(vbd …)`, or `None` when it is in a form that xend does not know.
    pub(super) fn vbd(&self) -> Option<Vec<(&'static str, String)>> {
        match self {
            Self::Other(_) => None,
            Self::Known { scheme, target, vdev, cdrom, writable, backend, .. } => {
                let kind = if *cdrom { ":cdrom" } else { "" };
                let mut children = vec![
                    ("uname", format!("{scheme}{target}")),
                    ("dev", format!("{vdev}{kind}")),
                    ("mode", if *writable { "w" } else { "r" }.to_owned()),
                ];
                children.extend(backend.clone().map(|backend| ("backend", backend)));
                Some(children)
            }
        }
    }

    /// Reads xl's form, with keys or by position; what it does not know stays as it is.
    pub(super) fn from_xl(spec: &str) -> Self {
        if !spec.contains('=') {
            return Self::from_positions(spec).unwrap_or_else(|| Self::from_spec(spec));
        }
        let (mut format, mut vdev, mut access, mut cdrom, mut backend, mut target) =
            ("raw", "", "rw", false, None, "");
        let mut rest = spec;
        while !rest.is_empty() {
            let piece_and_rest = rest.split_once(',').unwrap_or((rest, ""));
            let trimmed = rest.trim_start();
            if let Some(value) = trimmed.strip_prefix("target=") {
                target = value.trim();
                break;
            }
            let Some((key, value)) = piece_and_rest.0.trim().split_once('=') else {
                return Self::Other(spec.to_owned());
            };
            match (key, value) {
                ("format", "raw") => format = "raw",
                ("format", "qcow") => format = "qcow",
                ("format", "qcow2") => format = "qcow2",
                ("format", "vhd") => format = "vhd",
                ("vdev", value) => vdev = value,
                ("access", value) => access = value,
                ("devtype", "cdrom") => cdrom = true,
                ("devtype", "disk") => {}
                ("backend", value) => backend = Some(value),
                _ => return Self::Other(spec.to_owned()),
            }
            rest = piece_and_rest.1;
        }
        let mode = if matches!(access, "r" | "ro") { "r" } else { "w" };
        let dev = if cdrom { format!("{vdev}:cdrom") } else { vdev.to_owned() };
        Self::new(&format!("{}{target}", scheme(format, target)), &dev, mode, backend).unwrap_or(spec)
    }

    /// Reads `TARGET,FORMAT,VDEV[,ACCESS]`, xl's form without keys; `None` when it is another one.
    fn from_positions(spec: &str) -> Option<Self> {
        let parts: Vec<&str> = spec.split(',').map(str::trim).collect();
        let (target, format, vdev, access) = match parts[..] {
            [target, format, vdev] => (target, format, vdev, "rw"),
            [target, format, vdev, access] => (target, format, vdev, access),
            _ => return None,
        };
        let format = if format.is_empty() { "raw" } else { format };
        let is_old = SCHEMES.iter().any(|(scheme, _)| target.starts_with(scheme));
        if is_old || !matches!(format, "raw" | "qcow" | "qcow2" | "vhd") {
            return None;
        }
        let mode = if matches!(access, "r" | "ro") { "r" } else { "w" };
        Some(Self::new(&format!("{}{target}", scheme(format, target)), vdev, mode, None).unwrap_or(spec))
    }
}

/// What xm writes before a target of this format.
fn scheme(format: &str, target: &str) -> &'static str {
    match format {
        "raw" if target.starts_with("/dev/") => "phy:",
        "raw" if target.is_empty() => "",
        "raw" => "file:",
        "qcow" => "tap:qcow:",
        "qcow2" => "tap:qcow2:",
        _ => "tap:vhd:",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_of_xm_become_those_of_xl() {
        for (xm, xl) in [
            ("phy:hda1,hda1,w", "format=raw, vdev=hda1, access=rw, target=/dev/hda1"),
            ("file:/x/y.img,ioemu:hda,w", "format=raw, vdev=hda, access=rw, target=/x/y.img"),
            (",hdc:cdrom,r", "format=raw, vdev=hdc, access=ro, devtype=cdrom, target="),
            (
                "tap:qcow2:/x.q,xvda,w,netdom",
                "format=qcow2, vdev=xvda, access=rw, backend=netdom, target=/x.q",
            ),
            ("nbd:134.100.233.115 20004,hda1,w", "nbd:134.100.233.115 20004,hda1,w"),
            ("phy:/dev/a,xvda", "phy:/dev/a,xvda"),
        ] {
            let disk = Disk::from_spec(xm);
            assert_eq!(disk.xl(), xl, "{xm}");
            assert_eq!(Disk::from_xl(&disk.xl()).xl(), xl, "{xm}");
        }
    }

    #[test]
    fn xls_form_without_keys_is_read() {
        for (spec, xl, uname) in [
            ("/dev/vg/a,raw,xvda,rw", "format=raw, vdev=xvda, access=rw, target=/dev/vg/a", "phy:/dev/vg/a"),
            ("/x.img,,hda,ro", "format=raw, vdev=hda, access=ro, target=/x.img", "file:/x.img"),
            ("/x.q,qcow2,xvda", "format=qcow2, vdev=xvda, access=rw, target=/x.q", "tap:qcow2:/x.q"),
        ] {
            let disk = Disk::from_xl(spec);
            assert_eq!(disk.xl(), xl);
            assert_eq!(disk.vbd().unwrap()[0].1, uname);
        }
    }

    #[test]
    fn a_target_may_hold_commas() {
        let disk = Disk::from_xl("vdev=xvda,target=/x,y.img");
        assert_eq!(disk.xl(), "format=raw, vdev=xvda, access=rw, target=/x,y.img");
    }
}
