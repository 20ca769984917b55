//! What can be wrong with a domain's settings.

use super::Example;

pub(super) static TABLE: &[Example] = &[
    Example::xl("X0501", b"name = 'web'\ntype = 'pv'\nmemory = 64\nmemory = 128\n"),
    Example::xl("X0502", b"name = 'web'\ntype = 'pv'\nmemroy = 64\n"),
    Example::xm("X0503", b"name = 'web'\nnetif = True\n"),
    Example::xl("X0504", b"name = [ 'web' ]\ntype = 'pv'\n"),
    Example::xl("X0510", b"type = 'pv'\nmemory = 64\n"),
    Example::xl("X0511", b"name = 'sites/web'\ntype = 'pv'\n"),
    Example::xl("X0512", b"name = '5'\ntype = 'pv'\n"),
    Example::xl("X0513", b"name = 'web'\ntype = 'pv'\nuuid = 'web-1'\n"),
    Example::xl("X0514", b"name = 'web'\ntype = 'linux'\n"),
    Example::xl("X0520", b"name = 'web'\ntype = 'pv'\nvif = 'bridge=xenbr0'\n"),
    Example::xm("X0521", b"name = 'web'\nnics = 2\nvif = [ 'bridge=xenbr0' ]\n"),
    Example::xm("X0522", b"name = 'web'\nvif2 = [ 'bridge=xenbr0' ]\n"),
    Example::xl("X0523", b"name = 'web'\ntype = 'pv'\nvif = [ 'vifname=web', 'vifname=web' ]\n"),
    Example::xl("X0524", b"name = 'web'\ntype = 'pv'\nvif = [ 'devid=1', 'devid=1' ]\n"),
    Example::xm("X0530", b"name = 'web'\ndhcp = 'yes'\n"),
    Example::xm("X0531", b"name = 'web'\nnetmask = '255.255.255.0'\n"),
    Example::xl("X0532", b"name = 'web'\ntype = 'pv'\ndhcp = 'dhcp'\n"),
    Example::xm("X0540", b"name = 'netdom'\nnetif = 1\nvif = [ 'backend=other' ]\n"),
    Example::xm("X0541", b"name = 'web'\nnetif = 'no'\n"),
    Example::xl("X0542", b"name = 'netdom'\ntype = 'pv'\nnetif = 1\n"),
    Example::sxp("X0550", b"(vm (name web))\n(vm (name db))\n"),
    Example::sxp("X0551", b"(vm (name web) (vif (bridge xenbr0)))\n"),
    Example::sxp("X0552", b"(vm (name web) (backend (net)))\n"),
    Example::new("X0553", "web.xml", b"<?xml version='1.0'?>\n<xm></xm>\n"),
    Example::xl("X0560", b"name = 'web'\ntype = 'pv'\n").beside("old.cfg", b"name = 'web'\ntype = 'pv'\n"),
    Example::xl("X0561", b"name = 'web'\nuuid = 'cf67710d-b756-086b-8cde-be61d2faca1b'\n")
        .beside("db.cfg", b"name = 'db'\nuuid = 'cf67710d-b756-086b-8cde-be61d2faca1b'\n"),
    Example::xl("X1101", b"name = 'web'\ntype = 'pv'\npci = [ '03,1a,1' ]\n"),
    Example::xl("X1102", b"name = 'web'\ntype = 'pv'\npci = [ '03:2a.1' ]\n"),
    Example::xl("X1103", b"name = 'web'\ntype = 'pv'\npci = [ '03:1a.1,premissive=1' ]\n"),
    Example::xl("X1104", b"name = 'web'\ntype = 'pv'\npci = [ '03:1a.1', '0000:03:1a.1' ]\n"),
];
