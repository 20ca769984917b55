//! What has passed through network devices (`RTM_GETSTATS`).

use std::collections::HashMap;

use crate::netlink::{Attributes, Context, Error, Message, u32_of, u64_of};
use crate::rtnetlink::Rtnetlink;

/// `linux/rtnetlink.h`.
const RTM_GETSTATS: u16 = 94;
/// `IFLA_STATS_LINK_64`: the attribute, and as a bit of the filter.
const LINK_64: u16 = 1;
const ONLY_LINK_64: u32 = 1 << (LINK_64 - 1);

/// Traffic counters of a device, since it came to be (`struct rtnl_link_stats64`).
///
/// Of a vif, "received" is what the guest sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatistics {
    /// Packets that came in.
    pub received_packets: u64,
    /// Bytes that came in.
    pub received_bytes: u64,
    /// Packets that went out.
    pub sent_packets: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
    /// Packets that came in and were dropped.
    pub received_dropped: u64,
    /// Packets that should have gone out and were dropped.
    pub sent_dropped: u64,
}

impl LinkStatistics {
    fn parse(payload: &[u8]) -> Self {
        let counter = |at: usize| payload.get(at * 8..).and_then(u64_of).unwrap_or_default();
        Self {
            received_packets: counter(0),
            sent_packets: counter(1),
            received_bytes: counter(2),
            sent_bytes: counter(3),
            received_dropped: counter(6),
            sent_dropped: counter(7),
        }
    }

    /// Reads the payload of an `RTM_NEWSTATS`: of which device, and what.
    fn of_device(payload: &[u8]) -> Option<(u32, Self)> {
        let header = payload.first_chunk::<12>()?;
        let counters = Attributes::new(&payload[12..]).find(LINK_64)?;
        Some((u32_of(&header[4..])?, Self::parse(counters)))
    }
}

/// A question for the counters of one device, or of all (`struct if_stats_msg`).
fn question(index: u32) -> Message {
    let mut message = Message::new(RTM_GETSTATS, 0);
    let mut header = [0; 12];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..].copy_from_slice(&ONLY_LINK_64.to_ne_bytes());
    message.header(&header);
    message
}

impl Rtnetlink {
    /// The counters of all devices of the namespace, by their indexes.
    ///
    /// A question of its own, because the kernel adds them up for each device from those of all processors, and few who ask
    /// for devices want them.
    pub fn statistics(&mut self) -> Result<HashMap<u32, LinkStatistics>, Error> {
        self.socket
            .dump(&question(0), HashMap::new, |all, reply| {
                all.extend(LinkStatistics::of_device(reply.payload));
            })
            .attempting(|| "list the counters of the network devices".into())
    }

    /// The counters of the device with this index; none when there is none.
    pub fn statistics_of(&mut self, index: u32) -> Result<Option<LinkStatistics>, Error> {
        match self.socket.get(&question(index), |reply| LinkStatistics::of_device(reply.payload)) {
            Ok(statistics) => Ok(statistics.map(|(_, statistics)| statistics)),
            Err(cause) if cause.code() == Some(libc::ENODEV) => Ok(None),
            Err(cause) => {
                Err(Error::new(format!("read the counters of network device number {index}"), cause))
            }
        }
    }
}
