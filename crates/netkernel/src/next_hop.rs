//! Next hop objects: where routes lead that share it (`RTM_*NEXTHOP`, `ip nexthop`).

use std::fmt;

use crate::family::{Family, UNSPECIFIED, ip_of};
use crate::netlink::{Context, Error, Message, OwnedAttributes, flags};
use crate::rtnetlink::Rtnetlink;

const RTM_NEWNEXTHOP: u16 = 104;
const RTM_GETNEXTHOP: u16 = 106;
const NHA_ID: u16 = 1;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;

/// A next hop object, kept as the kernel told it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NextHopObject {
    /// The family.
    pub family: Family,
    /// Who made it (`RTPROT_*`).
    pub protocol: u8,
    /// `NHA_*`.
    pub attributes: OwnedAttributes,
}

impl NextHopObject {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.attributes.u32(NHA_ID).unwrap_or(0)
    }

    /// The index of the device that it leads through.
    #[must_use]
    pub fn link(&self) -> Option<u32> {
        self.attributes.u32(NHA_OIF)
    }

    /// The same through the device with this index.
    #[must_use]
    pub fn through(&self, link: u32) -> Self {
        let mut moved = self.clone();
        moved.attributes.set(NHA_OIF, link.to_ne_bytes());
        moved
    }

    fn parse(payload: &[u8]) -> Option<Self> {
        let header = payload.first_chunk::<8>()?;
        Some(Self {
            family: Family::from_number(header[0])?,
            protocol: header[2],
            attributes: OwnedAttributes::parse(&payload[8..]),
        })
    }

    fn write(&self, message: &mut Message) {
        message.header(&[self.family as u8, 0, self.protocol, 0, 0, 0, 0, 0]);
        self.attributes.write(message);
    }
}

impl fmt::Display for NextHopObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id())?;
        match self.attributes.get(NHA_GATEWAY).and_then(ip_of) {
            Some(gateway) => write!(f, " via {gateway}"),
            None => Ok(()),
        }
    }
}

impl Rtnetlink {
    /// The next hop objects that lead through the device with this index. None on kernels before 5.3, which have no
    /// such objects.
    pub fn next_hop_objects(&mut self, link: u32) -> Result<Vec<NextHopObject>, Error> {
        let mut message = Message::new(RTM_GETNEXTHOP, 0);
        message.header(&[UNSPECIFIED, 0, 0, 0, 0, 0, 0, 0]);
        message.u32(NHA_OIF, link);
        let found = self
            .socket
            .dump(&message, Vec::new, |list, reply| list.extend(NextHopObject::parse(reply.payload)));
        let mut found = match found {
            Err(cause) if cause.code() == Some(libc::EOPNOTSUPP) => Vec::new(),
            result => {
                result.attempting(|| format!("list the next hops through network device number {link}"))?
            }
        };
        found.retain(|object| object.link() == Some(link));
        Ok(found)
    }

    /// Sets a next hop object, in place of the one with its number.
    pub fn set_next_hop_object(&mut self, object: &NextHopObject) -> Result<(), Error> {
        let mut message = Message::new(RTM_NEWNEXTHOP, flags::CREATE | flags::REPLACE);
        object.write(&mut message);
        self.socket.request(message).attempting(|| format!("set next hop {object}"))
    }
}
