//! A root file system on the network: the one card that must never be cut off, not even for a moment.
//!
//! While it is, nothing that is not in memory already can be read, this program's own code included.

use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use super::manager::Root;

/// How the root file system gets here over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootStorage {
    /// NFS, from a server with this address, where it says.
    Nfs(Option<IpAddr>),
    /// An iSCSI disk, from these portals.
    Iscsi(Vec<IpAddr>),
    /// A network block device; the kernel does not tell whose.
    Nbd,
}

impl fmt::Display for RootStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nfs(_) => "NFS",
            Self::Iscsi(_) => "iSCSI",
            Self::Nbd => "a network block device",
        })
    }
}

/// What the root file system is on, if that is on the network. The swap and other file systems can wait; it cannot.
pub(super) fn root_storage(root: Root<'_>) -> Option<RootStorage> {
    let mounts = fs::read_to_string(root.0.join("proc/self/mountinfo")).ok()?;
    // The last mount over `/` is the one that is seen.
    let mount = mounts.lines().rev().filter_map(Mount::parse).find(|mount| mount.point == "/")?;
    if mount.kind == "nfs" || mount.kind == "nfs4" {
        let address = mount.options.split(',').find_map(|option| option.strip_prefix("addr="));
        return Some(RootStorage::Nfs(address.and_then(|text| text.parse().ok())));
    }
    let device = fs::canonicalize(root.0.join("sys/dev/block").join(mount.device)).ok()?;
    storage_of(root, &device, 8)
}

impl RootStorage {
    /// True when the packets to it leave from one of these addresses; also when nobody can tell. `source` says from which
    /// address packets to another one leave.
    pub(super) fn is_reached_from(
        &self,
        addresses: &[IpAddr],
        source: impl Fn(IpAddr) -> Option<IpAddr>,
    ) -> bool {
        let servers: &[IpAddr] = match self {
            Self::Nfs(Some(server)) => std::slice::from_ref(server),
            Self::Nfs(None) | Self::Nbd => &[],
            Self::Iscsi(portals) => portals,
        };
        servers.is_empty()
            || servers.iter().any(|server| source(*server).is_none_or(|own| addresses.contains(&own)))
    }
}

/// The address from which packets to `server` leave. Nothing is sent.
pub(super) fn source_to(server: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(server, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// What a block device is on, through what it is made of: partitions, volumes, mirrors.
fn storage_of(root: Root<'_>, device: &Path, depth: u32) -> Option<RootStorage> {
    let text = device.to_string_lossy();
    if let Some(session) = text.split('/').find(|part| is_session(part)) {
        return Some(RootStorage::Iscsi(portals_of(root, session)));
    }
    if device.file_name().is_some_and(|name| name.to_string_lossy().starts_with("nbd")) {
        return Some(RootStorage::Nbd);
    }
    let slaves = fs::read_dir(device.join("slaves")).ok()?;
    let next = depth.checked_sub(1)?;
    slaves.flatten().find_map(|slave| storage_of(root, &fs::canonicalize(slave.path()).ok()?, next))
}

/// `session3`, a part of the path of disks that are on iSCSI.
fn is_session(part: &str) -> bool {
    part.strip_prefix("session").is_some_and(|digits| digits.parse::<u32>().is_ok())
}

/// The addresses that an iSCSI session is connected to. Its connections are called `connection3:0`.
fn portals_of(root: Root<'_>, session: &str) -> Vec<IpAddr> {
    let prefix = format!("connection{}:", session.trim_start_matches("session"));
    let folder: PathBuf = root.0.join("sys/class/iscsi_connection");
    let connections = fs::read_dir(folder).into_iter().flatten().flatten();
    connections
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .filter_map(|entry| fs::read_to_string(entry.path().join("persistent_address")).ok())
        .filter_map(|text| text.trim().parse().ok())
        .collect()
}

/// A line of `mountinfo` (`proc_pid_mountinfo(5)`).
struct Mount<'a> {
    /// Its device, as `major:minor`.
    device: &'a str,
    point: &'a str,
    kind: &'a str,
    /// The options of the file system.
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (head, tail) = line.split_once(" - ")?;
        let mut head = head.split(' ');
        let mut tail = tail.split(' ');
        let (device, point) = (head.nth(2)?, head.nth(1)?);
        Some(Self { device, point, kind: tail.next()?, options: tail.nth(1)? })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn with_mounts(mounts: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        fs::write(root.path().join("proc/self/mountinfo"), mounts).unwrap();
        root
    }

    #[test]
    fn a_root_on_nfs_names_its_server() {
        let root = with_mounts(
            "22 1 0:20 / / rw,relatime - nfs4 10.0.0.9:/srv/root rw,vers=4.2,clientaddr=10.0.0.1,addr=10.0.0.9\n\
             23 22 0:5 / /proc rw - proc proc rw\n",
        );
        let found = root_storage(Root(root.path()));
        assert_eq!(found, Some(RootStorage::Nfs(Some("10.0.0.9".parse().unwrap()))));
    }

    #[test]
    fn a_disk_of_the_host_is_no_concern() {
        let root = with_mounts("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
        let disk = root.path().join("sys/devices/pci0000:00/ata1/block/sda/sda1");
        fs::create_dir_all(&disk).unwrap();
        fs::create_dir_all(root.path().join("sys/dev/block")).unwrap();
        symlink(disk, root.path().join("sys/dev/block/8:1")).unwrap();
        assert_eq!(root_storage(Root(root.path())), None);
    }

    #[test]
    fn a_volume_on_an_iscsi_disk_is_found_through_what_it_is_made_of() {
        let root = with_mounts("22 1 254:0 / / rw - ext4 /dev/mapper/root rw\n");
        let sys = root.path().join("sys");
        let (volume, disk) = (
            sys.join("devices/virtual/block/dm-0"),
            sys.join("devices/platform/host3/session2/target3:0:0/3:0:0:1/block/sdb"),
        );
        fs::create_dir_all(volume.join("slaves")).unwrap();
        fs::create_dir_all(&disk).unwrap();
        fs::create_dir_all(sys.join("dev/block")).unwrap();
        symlink(&disk, volume.join("slaves/sdb")).unwrap();
        symlink(&volume, sys.join("dev/block/254:0")).unwrap();
        for (connection, address) in [("connection2:0", "10.0.0.9"), ("connection3:0", "10.0.0.10")] {
            let folder = sys.join("class/iscsi_connection").join(connection);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("persistent_address"), format!("{address}\n")).unwrap();
        }
        let found = root_storage(Root(root.path()));
        assert_eq!(found, Some(RootStorage::Iscsi(vec!["10.0.0.9".parse().unwrap()])));
    }

    #[test]
    fn who_cannot_tell_is_careful() {
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let own = [ip("10.0.0.250")];
        let by_the_card = |_| Some(ip("10.0.0.250"));
        let by_another = |_| Some(ip("10.9.9.9"));
        let server = RootStorage::Nfs(Some(ip("10.0.0.9")));
        assert!(server.is_reached_from(&own, by_the_card));
        assert!(!server.is_reached_from(&own, by_another));
        assert!(server.is_reached_from(&own, |_| None));
        assert!(RootStorage::Nbd.is_reached_from(&own, by_another));
    }
}
