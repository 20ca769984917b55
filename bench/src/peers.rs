//! What people use elsewhere for the same steps, under the name `vif-bridge` so that it is called alike.
//!
//! None of them knows a guest's addresses, writes to xenstore, or checks anything: what they leave out costs them nothing.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::contender::{Contender, is_there};
use crate::progress::say;

const CNI: &str = "/usr/lib/cni/bridge";
const NETAVARK: &str = "/usr/lib/podman/netavark";

/// The steps of a plug and a guard of the same kind, by the programs for it.
const COMMANDS: &str = r#"#!/bin/sh -e
case $1 in
online)
    ip -batch - <<EOF
link set dev $vif addrgenmode none address fe:ff:ff:ff:ff:ff
link set dev $vif master $bridge
link set dev $vif type bridge_slave locked on learning off
EOF
    nft -f - <<EOF
table netdev peer {
  chain $vif {
    type filter hook ingress device "$vif" priority -500; policy drop;
    ether saddr 00:16:3e:00:00:02 ip saddr 10.0.0.2 accept
    ether saddr 00:16:3e:00:00:02 arp saddr ether 00:16:3e:00:00:02 arp saddr ip 10.0.0.2 accept
  }
}
EOF
    ip link set dev $vif up
    ;;
offline)
    ip -batch - <<EOF
link set dev $vif down
link set dev $vif nomaster
EOF
    nft delete table netdev peer 2>/dev/null || true
    ;;
esac
"#;

/// Those that are here. Who is not is told.
pub(crate) fn all(folder: &Path) -> Result<Vec<Contender>, Box<dyn Error>> {
    let mut contenders = Vec::new();
    if is_there("ip") && is_there("nft") {
        let scripts = write(&folder.join("commands"), COMMANDS)?;
        contenders
            .push(Contender::new("`ip -batch` and `nft -f`, one rule for IPv4 and one for ARP", scripts));
    } else {
        say("not measured: ip and nft, of the packages iproute2 and nftables");
    }
    if Path::new(CNI).is_file() {
        contenders.push(Contender::new("CNI's `bridge`: a veth and its address, no guard", cni(folder)?));
    } else {
        say("not measured: CNI's bridge, of the package containernetworking-plugins");
    }
    if Path::new(NETAVARK).is_file() {
        contenders.push(Contender::new("`netavark`: a veth and its address, no guard", netavark(folder)?));
    } else {
        say("not measured: netavark, of the package netavark");
    }
    Ok(contenders)
}

/// A container engine makes the namespace; here it is there already, named by `/run/bench-guest`. The host's `/run` is its own.
const NAMESPACE: &str = "[ -e /run/bench-guest ] || { : >/run/bench-guest; unshare --net mount --bind /proc/self/ns/net /run/bench-guest; }\n";

fn cni(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let folder = folder.join("cni");
    let config = r#"{"cniVersion":"0.4.0","name":"bench","type":"bridge","bridge":"xenbr0","ipam":{"type":"static","addresses":[{"address":"10.0.0.2/24"}]}}"#;
    let script = format!(
        "#!/bin/sh -e\n{NAMESPACE}case $1 in online) operation=ADD;; *) operation=DEL;; esac\n\
         export CNI_COMMAND=$operation CNI_CONTAINERID=guest CNI_NETNS=/run/bench-guest CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni\n\
         exec {CNI} <<'EOF'\n{config}\nEOF\n"
    );
    write(&folder, &script)
}

fn netavark(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let folder = folder.join("netavark");
    let id = "0".repeat(63) + "1";
    let network = format!(
        r#"{{"name":"bench","id":"{id}","driver":"bridge","network_interface":"xenbr0","subnets":[{{"subnet":"10.0.0.0/24","gateway":"10.0.0.250"}}],"ipv6_enabled":false,"internal":true,"dns_enabled":false,"ipam_options":{{"driver":"host-local"}},"options":{{}}}}"#
    );
    let config = format!(
        r#"{{"container_id":"guest","container_name":"guest","networks":{{"bench":{{"static_ips":["10.0.0.2"],"interface_name":"eth0","aliases":[]}}}},"network_info":{{"bench":{network}}}}}"#
    );
    let script = format!(
        "#!/bin/sh -e\n{NAMESPACE}case $1 in online) operation=setup;; *) operation=teardown;; esac\n\
         exec {NETAVARK} --config /run/netavark $operation /run/bench-guest <<'EOF'\n{config}\nEOF\n"
    );
    write(&folder, &script)
}

fn write(folder: &Path, script: &str) -> Result<PathBuf, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let path = folder.join("vif-bridge");
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(folder.into())
}
