//! What can be wrong with the host's configuration, and with guests on such a host.

use super::Example;

pub(super) static TABLE: &[Example] = &[
    Example::xend("X0401", b"xend-http-server yes\n(network-script network-bridge)\n"),
    Example::xend("X0402", b"(network-script network-bridge)\n(network-script network-nat)\n"),
    Example::xend("X0403", b"(netwrok-script network-bridge)\n(vif-script vif-bridge)\n"),
    Example::xend("X0404", b"(network-script network)\n(vif-antispoof yes)\n"),
    Example::xend("X0405", b"(xend-http-server maybe)\n"),
    Example::xend("X0410", b"(network-script 'network-bridge  bridge=xenbr1')\n"),
    Example::xend("X0411", b"(network-script 'network-bridge bridge=\"xenbr1\"')\n"),
    Example::xend("X0412", b"(network-script network-brige)\n"),
    Example::new("X0420", "xl.conf", b"vifscript = 'vif-route'\n"),
    Example::new("X0421", "xl.conf", b"run_hotplug_scripts = 0\n"),
    Example::xm("X1201", b"name = 'web'\nvif = [ 'bridge=xenbr1' ]\n").beside("xend-config.sxp", BRIDGE),
    Example::xl("X1202", b"name = 'web'\ntype = 'pv'\nvif = [ 'script=vif-openvswitch,bridge=br0.dmz' ]\n"),
    Example::xl(
        "X1203",
        b"name = 'web'\ntype = 'pv'\nvif = [ 'script=vif-openvswitch,bridge=br0,vlan=5' ]\n",
    ),
    Example::xm("X1204", b"name = 'web'\nvif = [ 'bridge=xenbr0,script=network-bridge' ]\n"),
    Example::xend("X1205", b"(network-script network-nat)\n(vif-script vif-bridge)\n"),
    Example::xend("X1206", b"(network-script 'network-bridge xenbr1')\n"),
    Example::xend("X1207", b"(network-script 'network-bridge netdevice=eth1')\n"),
    Example::xend("X1208", b"(network-script 'network-bridge antispoof=on')\n"),
    Example::xm("X1209", b"name = 'web'\nvif = [ 'backend=netdom' ]\n")
        .beside("netdom", b"name = 'netdom'\nmemory = 64\n"),
    converted(Example::xend("X1301", b"(network-script my-bridges)\n")),
    converted(Example::xend("X1302", b"(network-script 'network-bridge hello=world')\n")),
    converted(Example::new(
        "X1303",
        "my-bridges",
        b"#!/bin/sh\nnetwork-bridge \"$@\" netdev=$(cat /etc/uplink)\n",
    )),
    converted(Example::new(
        "X1304",
        "my-bridges",
        b"#!/bin/sh\nnetwork-bridge \"$@\"\nbrctl addbr private\n",
    )),
    Example::new("X1305", "dom0net.toml", b"[[network]]\nname = \"lan\"\nmode = \"brigde\"\n"),
    Example::new("X1306", "dom0net.toml", b"[[network]]\nname = \"lan\"\nmode = \"bridge\"\ndhcp = true\n"),
];

/// A host with one bridge.
const BRIDGE: &[u8] = b"(network-script 'network-bridge bridge=xenbr0')\n(vif-script vif-bridge)\n";

/// `dom0net convert` says it, not `check`.
const fn converted(example: Example) -> Example {
    Example { is_converted: true, ..example }
}
