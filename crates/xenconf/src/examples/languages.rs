//! What can be wrong with the languages themselves.

use super::Example;

pub(super) static TABLE: &[Example] = &[
    Example::xend("X0101", b"(network-script network-bridge\n(vif-script vif-bridge)\n"),
    Example::xend("X0102", b"(network-script network-bridge))\n"),
    Example::xend("X0103", b"(network-script 'network-bridge netdev=eth1)\n(vif-script vif-bridge)\n"),
    Example::xend("X0104", "(network-script ‘network-bridge’)\n".as_bytes()),
    Example::xend("X0105", b"(vncpasswd 'a\\777')\n"),
    Example::xend("X0106", b"(xend-relocation-hosts-allow '^localhost\\.localdomain$')\n"),
    Example::xend("X0107", b"(vncpasswd '\\x4A')\n"),
    Example::xend("X0108", b"(vif-script vif-bridge) ; the default\n"),
    Example::xend("X0109", b"(network-script network-bridge' netdev=eth1')\n"),
    Example::xend("X0110", b"(network-script network-bridge)\n\x04\n(vif-script vif-bridge)\n"),
    Example::xend("X0111", b"(network-script network-bridge netdev=eth1)\n"),
    Example::xm("X0201", b"name = 'web'\nmemory 64\n"),
    Example::xm("X0202", b"name = 'web'\nvif = [ 'bridge=xenbr0'\nmemory = 64\n"),
    Example::xm("X0203", b"name = 'web\nmemory = 64\n"),
    Example::xm("X0204", "name = ‘web’\n".as_bytes()),
    Example::xm("X0205", b"name = 'web'\n    memory = 64\n"),
    Example::xm("X0206", DEEP),
    Example::xm("X0207", b"name = 'web'\nvif = [ 'ip=10.0.0.1', bridge=xenbr0 ]\n"),
    Example::xm("X0208", b"name = 'web'\nvif = [ 'bridge=xenbr0' 'bridge=xenbr1' ]\n"),
    Example::xm("X0209", b"number = 5\nname = f'web{number}'\n"),
    Example::xm("X0210", b"import socket\nname = 'web-' + socket.gethostname()\n"),
    Example::xm("X0211", b"name = web\n"),
    Example::xm("X0212", b"xm_vars.var('vmid', use='The number of the guest')\nxm_vars.check()\n"),
    Example::xm("X0213", b"name = 'web' + 5\n"),
    Example::xm("X0214", b"vmid = '5'\nname = 'web%d' % vmid\n"),
    Example::xm("X0215", b"memory = 16\nif memory < 32:\n    raise ValueError('too little memory')\n"),
    Example::xm("X0216", b"a = 'x' * 100000\nname = a * 100000\n"),
    Example::xm("X0217", b"name = 'web'\nvif = [ 'bridge=xenbr0' ]\nvif += 'bridge=xenbr1'\n"),
    Example::xl("X0301", b"name = 'web'\nbootloader = /usr/bin/pygrub\n"),
    Example::xl("X0302", b"Name = 'web'\n"),
    Example::xl("X0303", b"name = 'web\nmemory = 64\n"),
    Example::xl("X0304", b"name = '\\x77eb'\n"),
    Example::xl("X0305", b"name = '\\167eb'\n"),
    Example::xl("X0306", b"vmid = 5\nname = 'web%d' % vmid\n"),
    Example::xl("X0307", b"name = 'web'\nmemory = 64M\n"),
    Example::xl("X0308", b"name = 'web'\nvif = [ 'bridge=xenbr0'\nmemory = 64\n"),
    Example::xl("X0309", b"name = 'web'\nvif = [ 'bridge=xenbr0' ]\nvif += 'bridge=xenbr1'\n"),
    Example::xl("X0310", DEEP),
];

/// Brackets inside each other, 120 times.
const DEEP: &[u8] = b"name = 'web'\nvif = \
    [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\
    [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\
    ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\
    ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n";
