//! `dom0net guard test`: what would become of frames.

use clap::Args;
use dom0net::guard::{Draft, Judge, Policy, Verdict};
use lab::frame::Frame;

use super::packets;
use super::which::{Failed, Host};
use crate::cli::fail;
use crate::cli::output::out;

#[derive(Args)]
#[command(after_help = "\
A frame is given in hexadecimal, as a capture file (tcpdump -w), or in words:

  arp 10.0.0.254                        it says that it has this address
  ping 10.0.0.1 10.0.0.2                from one address to another, IPv4 or IPv6
  udp 10.0.0.1:5000 10.0.0.2:53         the same with ports; [2001:db8::1]:53 for IPv6
  tcp 10.0.0.1:5000 10.0.0.2:443
  na 2001:db8::1                        a neighbour advertisement
  ra, dhcp-discover, dhcp-offer         what a router, a DHCP client, a DHCP server says

In front of the words, mac=MAC takes another sender, and vlan=NUMBER tags the frame.
Exit status 1 if a frame would be dropped.

Examples:
  dom0net guard test vif1.0 'arp 10.0.0.254' 'ping 10.0.0.1 10.0.0.2'
  dom0net guard test web suspicious.pcap
  dom0net guard test --policy 'ip=10.0.0.1 vlans=10' --mac 00:16:3e:00:00:01 'vlan=10 arp 10.0.0.1'")]
pub(crate) struct Test {
    /// vif1.0, a guest's name, its name and the interface's number (web/1), or a device.
    #[arg(required_unless_present = "policy")]
    vif: Option<String>,
    /// Frames: hexadecimal, files, or words.
    frames: Vec<String>,
    /// Test a policy that nobody has, in the words of the configuration. No guest is needed then.
    #[arg(long, requires = "mac", value_name = "WORDS")]
    policy: Option<String>,
    /// The MAC address for --policy.
    #[arg(long, requires = "policy")]
    mac: Option<ethernet::MacAddress>,
}

impl Test {
    /// Runs the command and returns the exit status: 0 if all frames would pass.
    pub(crate) fn run(&self) -> u8 {
        match self.test() {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(error) => fail(&error),
        }
    }

    fn test(&self) -> Result<bool, Failed> {
        let (policy, words) = if let (Some(words), Some(mac)) = (&self.policy, self.mac) {
            (policy_of(words, mac)?, self.vif.iter().chain(&self.frames))
        } else {
            let policy = Host::open()?.find(self.vif.as_deref().unwrap_or_default())?.policy;
            (policy, None.iter().chain(&self.frames))
        };
        let judge = Judge::new(&policy);
        let mut all_pass = true;
        for word in words {
            for frame in packets::read(word, policy.mac)? {
                let verdict = judge.verdict(&frame);
                all_pass &= verdict == Verdict::Pass;
                out(&sentence(verdict, &frame));
            }
        }
        Ok(all_pass)
    }
}

fn policy_of(words: &str, mac: ethernet::MacAddress) -> Result<Policy, Failed> {
    let mut draft = Draft::default();
    draft.apply(words)?;
    Ok(draft.policy(mac)?)
}

fn sentence(verdict: Verdict, frame: &Frame) -> String {
    match verdict {
        Verdict::Pass => format!("passes: {frame}\n"),
        Verdict::Drop(reason) => format!("dropped ({reason}): {frame}\n"),
        Verdict::Unseen => format!("dropped by the kernel (cut short): {frame}\n"),
    }
}
