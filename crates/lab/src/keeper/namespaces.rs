//! Namespaces for a lab, as root or as anybody.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use super::KeeperError;

/// What a lab has of its own, besides its mounts.
const KINDS: CloneFlags = CloneFlags::CLONE_NEWNET
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);

/// The settings that decide who may make user namespaces.
const SETTINGS: [&str; 3] = [
    "kernel/unprivileged_userns_clone",
    "kernel/apparmor_restrict_unprivileged_userns",
    "user/max_user_namespaces",
];

/// Moves this process into new namespaces; its children are then the first processes of the lab. Must be called
/// before any thread is made.
///
/// Root needs no user namespace, if it has the rights of root; everybody else gets one, in which they are root.
pub(super) fn unshare_all() -> Result<(), KeeperError> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() && unshare(KINDS).is_ok() {
        return Ok(());
    }
    unshare(KINDS | CloneFlags::CLONE_NEWUSER)
        .map_err(|errno| KeeperError::Forbidden { reason: explain(errno, read_setting) })?;
    write_map("setgroups", "deny")?;
    write_map("uid_map", &format!("0 {uid} 1"))?;
    write_map("gid_map", &format!("0 {gid} 1"))
}

fn write_map(name: &str, text: &str) -> Result<(), KeeperError> {
    match fs::write(format!("/proc/self/{name}"), text) {
        // Kernels without it have no groups to deny.
        Err(error) if error.kind() == io::ErrorKind::NotFound && name == "setgroups" => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(KeeperError::Forbidden { reason: explain(Errno::EPERM, read_setting) })
        }
        result => result.map_err(KeeperError::system(format!("write /proc/self/{name}"))),
    }
}

fn read_setting(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{name}")).ok().map(|text| text.trim().to_owned())
}

/// Finds out which setting is to blame, and says how to change it.
fn explain(errno: Errno, setting: impl Fn(&str) -> Option<String>) -> String {
    let [clone, apparmor, most] = SETTINGS;
    let advice = |name: &str, value: &str| {
        let key = name.replace('/', ".");
        format!("allow it with `sysctl {key}={value}`, or be root")
    };
    if setting(most).as_deref() == Some("0") {
        return advice(most, "10000");
    }
    match errno {
        Errno::ENOSPC | Errno::EUSERS => format!("there are too many already; {}", advice(most, "10000")),
        Errno::ENOSYS | Errno::EINVAL => {
            "this kernel has no user namespaces (CONFIG_USER_NS); be root".to_owned()
        }
        _ if setting(clone).as_deref() == Some("0") => advice(clone, "1"),
        _ if setting(apparmor).as_deref() == Some("1") => advice(apparmor, "0"),
        errno => format!(
            "the kernel says \"{}\"; a container or a security policy forbids it (a container needs \
             --privileged, or to be left)",
            errno.desc()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errno: Errno, settings: &[(&str, &str)]) -> String {
        explain(errno, |wanted| {
            settings.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_setting_that_is_to_blame_is_named() {
        for (errno, setting, value, advice) in [
            (Errno::EPERM, SETTINGS[0], "0", "sysctl kernel.unprivileged_userns_clone=1"),
            (Errno::EACCES, SETTINGS[1], "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
            (Errno::ENOSPC, SETTINGS[2], "0", "sysctl user.max_user_namespaces=10000"),
            (Errno::ENOSPC, SETTINGS[2], "5", "sysctl user.max_user_namespaces=10000"),
        ] {
            let text = said(errno, &[(setting, value)]);
            assert!(text.contains(advice), "{text}");
        }
    }

    #[test]
    fn where_no_setting_is_to_blame_none_is_named() {
        let allowed = [(SETTINGS[0], "1"), (SETTINGS[1], "0"), (SETTINGS[2], "15000")];
        let text = said(Errno::EPERM, &allowed);
        assert!(!text.contains("sysctl") && text.contains("container"), "{text}");
    }
}
