//! Network devices: reading, creating, changing, deleting (`RTM_*LINK`).

mod bridge;
mod change;
mod name;
mod read;
mod vlan;

pub use bridge::{BridgeOptions, PortOptions};
pub use change::{AddressGeneration, LinkChange, LinkKind, Master};
pub use name::{InvalidLinkName, LinkName};
pub use read::{Link, LinkStatistics};
pub use vlan::PortVlan;

use crate::family::{Family, UNSPECIFIED};
use crate::netlink::{Context, Error, Message, flags};
use crate::rtnetlink::Rtnetlink;
use crate::sys;

/// The index of the device called `name` in the calling thread's namespace.
#[must_use]
pub fn index_of(name: &LinkName) -> Option<u32> {
    sys::interface_index(name.as_str())
}

/// `struct ifinfomsg`: family, device index, flags to change and which of them.
fn link_header(family: u8, index: u32, values: u32, mask: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[0] = family;
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&values.to_ne_bytes());
    header[12..16].copy_from_slice(&mask.to_ne_bytes());
    header
}

/// `RTEXT_FILTER_SKIP_STATS`: not the counters of IPv6, which the kernel adds up from all processors for each device, and nobody
/// here wants. Those of the device itself come all the same.
const SKIP_STATISTICS: u32 = 1 << 3;

/// A question for the device with this index, or for all.
fn question(index: u32) -> Message {
    let mut message = Message::new(libc::RTM_GETLINK, 0);
    message.header(&link_header(UNSPECIFIED, index, 0, 0));
    message.u32(libc::IFLA_EXT_MASK, SKIP_STATISTICS);
    message
}

pub(crate) fn change_message(index: u32, change: &LinkChange) -> Message {
    let mut message = Message::new(libc::RTM_SETLINK, 0);
    let (values, mask) = change.device_flags();
    message.header(&link_header(UNSPECIFIED, index, values, mask));
    change.write(&mut message);
    message
}

impl Rtnetlink {
    /// The device called `name`; none when there is none.
    pub fn link(&mut self, name: &LinkName) -> Result<Option<Link>, Error> {
        let mut message = question(0);
        message.string(libc::IFLA_IFNAME, name.as_str());
        self.one_link(&message, || format!("look up network device {name}"))
    }

    /// The device with this index; none when there is none.
    pub fn link_at(&mut self, index: u32) -> Result<Option<Link>, Error> {
        self.one_link(&question(index), || format!("look up network device number {index}"))
    }

    fn one_link(
        &mut self,
        message: &Message,
        attempt: impl FnOnce() -> String,
    ) -> Result<Option<Link>, Error> {
        match self.socket.get(message, |reply| Link::parse(reply.payload)) {
            Ok(link) => Ok(link),
            Err(cause) if cause.code() == Some(libc::ENODEV) => Ok(None),
            Err(cause) => Err(Error::new(attempt(), cause)),
        }
    }

    /// All devices of the namespace, in the kernel's order.
    pub fn links(&mut self) -> Result<Vec<Link>, Error> {
        self.dump_links(&question(0)).attempting(|| "list the network devices".into())
    }

    /// All devices of this kind (`bridge`, `veth`…).
    pub fn links_of_kind(&mut self, kind: &str) -> Result<Vec<Link>, Error> {
        let mut message = question(0);
        message.nested(libc::IFLA_LINKINFO, |info| info.string(libc::IFLA_INFO_KIND, kind));
        let mut links =
            self.dump_links(&message).attempting(|| format!("list the devices of kind {kind}"))?;
        links.retain(|link| link.kind.as_deref() == Some(kind));
        Ok(links)
    }

    /// All devices that are ports of the bridge (or slaves of the bond) with this index.
    pub fn ports_of(&mut self, master: u32) -> Result<Vec<Link>, Error> {
        let mut message = question(0);
        message.u32(libc::IFLA_MASTER, master);
        let mut links = self
            .dump_links(&message)
            .attempting(|| format!("list the ports of network device number {master}"))?;
        links.retain(|link| link.master == Some(master));
        Ok(links)
    }

    fn dump_links(&mut self, message: &Message) -> Result<Vec<Link>, crate::netlink::Cause> {
        self.socket.dump(message, Vec::new, |links, reply| links.extend(Link::parse(reply.payload)))
    }

    /// Makes a device.
    pub fn create_link(
        &mut self,
        name: &LinkName,
        kind: &LinkKind<'_>,
        change: &LinkChange,
    ) -> Result<(), Error> {
        self.create_link_at(None, name, kind, change)
    }

    /// Makes a device with this index, which no other may have.
    pub fn create_link_at(
        &mut self,
        index: Option<u32>,
        name: &LinkName,
        kind: &LinkKind<'_>,
        change: &LinkChange,
    ) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_NEWLINK, flags::CREATE | flags::EXCLUSIVE);
        let (values, mask) = change.device_flags();
        message.header(&link_header(UNSPECIFIED, index.unwrap_or(0), values, mask));
        message.string(libc::IFLA_IFNAME, name.as_str());
        change.write(&mut message);
        kind.write(&mut message);
        self.socket.request(message).attempting(|| format!("create {} {name}", kind.word()))
    }

    /// Changes a device. The kernel carries the parts out one by one and stops at the first that it refuses, so
    /// that a failed change may be half done.
    pub fn change_link(&mut self, index: u32, change: &LinkChange) -> Result<(), Error> {
        let message = change_message(index, change);
        self.socket.request(message).attempting(|| format!("{change} of network device number {index}"))
    }

    /// Changes how the bridge treats the port with this index.
    pub fn change_port(&mut self, index: u32, options: &PortOptions) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_SETLINK, 0);
        message.header(&link_header(Family::Bridge as u8, index, 0, 0));
        options.write(&mut message);
        self.socket
            .request(message)
            .attempting(|| format!("set the bridge port options of network device number {index}"))
    }

    /// Changes the options of the bridge with this index.
    pub fn change_bridge(&mut self, index: u32, options: &BridgeOptions) -> Result<(), Error> {
        // Unlike RTM_SETLINK, this reaches the options of the kind itself.
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.header(&link_header(UNSPECIFIED, index, 0, 0));
        LinkKind::Bridge(options.clone()).write(&mut message);
        self.socket.request(message).attempting(|| format!("set the options of bridge number {index}"))
    }

    /// Deletes a device.
    pub fn delete_link(&mut self, index: u32) -> Result<(), Error> {
        let mut message = Message::new(libc::RTM_DELLINK, 0);
        message.header(&link_header(UNSPECIFIED, index, 0, 0));
        self.socket.request(message).attempting(|| format!("delete network device number {index}"))
    }
}
