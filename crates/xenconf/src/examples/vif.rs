//! What can be wrong with an interface.

use super::Example;

/// A domain for xl with these interfaces.
macro_rules! vif {
    ($code:literal, $specs:literal) => {
        Example::xl($code, concat!("name = 'web'\ntype = 'pv'\nvif = [ ", $specs, " ]\n").as_bytes())
    };
}

pub(super) static TABLE: &[Example] = &[
    vif!("X0601", "'brigde=xenbr1'"),
    vif!("X0602", "'bridge=xenbr0,ip=10.0.0.1,10.0.0.2'"),
    vif!("X0603", "'bridge=xenbr0,bridge=xenbr1'"),
    vif!("X0604", "'bridge = xenbr1'"),
    vif!("X0605", "'bridge= xenbr1'"),
    vif!("X0606", "'ip=\"10.0.0.1\"'"),
    vif!("X0607", "'accel=eth0'"),
    vif!("X0608", "'script=vif-route,ip=10.0.0.1,netdev=eth0'"),
    vif!("X0609", "'type=netfront'"),
    vif!("X0610", "'type=ioemu'"),
    vif!("X0611", "'mtu=jumbo'"),
    vif!("X0612", "'mtu=1500'"),
    vif!("X0613", "'mtu=40'"),
    vif!("X0614", "'mac=00:16:3e:27:95:c0 bridge=xenbr1'"),
    Example::xl("X0615", b"name = 'web'\ntype = 'hvm'\nvif = [ 'model=virtio-net' ]\n"),
    vif!("X0620", "'vifname=web/0'"),
    vif!("X0621", "'vifname=wiki.xen.prgmr.com'"),
    vif!("X0622", "'vifname=webserver0'"),
    vif!("X0623", "'vifname=vif5.0'"),
    vif!("X0630", "'script=vif-bridge bridge=xenbr1'"),
    vif!("X0701", "'mac=00:16:3e:00:00:zz'"),
    vif!("X0702", "'mac=ab:00:0a:00:00:01'"),
    vif!("X0703", "'mac=00:00:00:00:00:00'"),
    vif!("X0704", "'mac=fe:ff:ff:ff:ff:ff'"),
    vif!("X0705", "'mac=aa:0:1:2:3:4'"),
    vif!("X0706", "'mac=00:16:3e:27:95:c0', 'mac=00:16:3E:27:95:C0'"),
    vif!("X0801", "'rate=10MB'"),
    vif!("X0802", "'rate=08KB/s'"),
    vif!("X0803", "'rate=1B/s@1us'"),
    vif!("X0804", "'rate=010MB/s'"),
    vif!("X0805", "'rate=10MB/s@10'"),
    vif!("X0901", "'ip=10.0.0.300'"),
    vif!("X0902", "'bridge=xenbr0,ip='"),
    vif!("X0903", "'script=vif-route'"),
    Example::xm("X0904", b"name = 'web'\nvif = [ 'bridge=xenbr0' ]\n").beside("xend-config.sxp", GUARDED),
    vif!("X0905", "'ip=10.0.0.1'")
        .beside("db.cfg", b"name = 'db'\ntype = 'pv'\nvif = [ 'ip=10.0.0.0/24' ]\n"),
    vif!("X1001", "'vlan=10/20'"),
];

/// A host that keeps its guests to their addresses.
const GUARDED: &[u8] = b"(network-script 'network-bridge bridge=xenbr0 antispoof=yes')\n";
