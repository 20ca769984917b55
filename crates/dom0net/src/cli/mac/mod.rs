//! `dom0net mac`: addresses for guests.

mod check;
mod make;

use std::net::Ipv4Addr;

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Mac {
    /// Make random addresses, with Xen's prefix 00:16:3e.
    #[command(after_help = "\
Examples:
  dom0net mac random
  dom0net mac random --local --count 10")]
    Random {
        /// Make locally administered ones, which have twice as many random bits.
        #[arg(long)]
        local: bool,
        /// How many.
        #[arg(long, short = 'n', value_name = "N", default_value_t = 1)]
        count: u32,
    },
    /// Make an address of a prefix and the guest's IPv4 address, which is unique already.
    #[command(after_help = "\
The prefix is two octets of your choice. The second digit of the first one must be 2, 6, a or
e: then the address is locally administered, so that no manufacturer has it, and no multicast
address. Xen's own prefix is taken too, and gets the last three octets of the IPv4 address.

Exit status: 0 done, 1 the prefix makes no address that a guest can have, 2 a bad call.

Examples:
  dom0net mac from-ip ae:00 1.2.3.4
  dom0net mac from-ip 00:16:3e 10.0.0.1")]
    FromIp {
        /// Two octets, like ae:00, or Xen's three, 00:16:3e.
        prefix: String,
        /// The guest's IPv4 address.
        address: Ipv4Addr,
    },
    /// Say how likely it is that two of N guests get the same random address.
    #[command(after_help = "\
Examples:
  dom0net mac odds 1000
  dom0net mac odds --json 1000 | jq .xen_prefix")]
    Odds {
        /// How many guests there are on one network.
        #[arg(value_name = "N")]
        guests: u64,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Find addresses that two guests have: in configurations, in guests that are running, and on this host's cards.
    Check(check::Check),
}

impl Mac {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(self) -> u8 {
        match self {
            Self::Random { local, count } => make::random(local, count),
            Self::FromIp { prefix, address } => make::from_ip(&prefix, address),
            Self::Odds { guests, json } => make::odds(guests, json),
            Self::Check(check) => check.run(),
        }
    }
}
