//! `dom0net convert`.

use crate::program::Folder;

const OLD: &str = "\
name = 'rhel4'
kernel = '/boot/vmlinuz-2.6.18-xen'
memory = 512
dhcp = 'dhcp'
disk = [ 'phy:/dev/sda5,xvda,w' ]
vif = [ 'mac=00:16:3e:27:95:c0,ip=10.0.0.1,script=vif-bridge bridge=xenbr1' ]
on_xend_start = 'start'
";

#[test]
fn an_old_domain_becomes_one_for_xl_with_what_is_lost_as_comments() {
    let folder = Folder::with(&[("rhel4", OLD)]);
    let text = folder.run(&["convert", "rhel4", "--to", "xl"]).printed();
    assert_eq!(
        text,
        "\
# A domain for xl, converted from a file for xm. See xl.cfg(5).
name = \"rhel4\"
type = \"pv\"
kernel = \"/boot/vmlinuz-2.6.18-xen\"
extra = \"ip=:127.0.255.255::::eth0:dhcp\"
memory = 512
disk = [ \"format=raw, vdev=xvda, access=rw, target=/dev/sda5\" ]
# Where no bridge is named, xend left it to vif-bridge, which took the host's first one; xl takes xenbr0.
vif = [ \"mac=00:16:3e:27:95:c0,ip=10.0.0.1,script=vif-bridge\" ]

# Not carried over:
# on_xend_start = 'start' (link the file into /etc/xen/auto to start the domain with the host)
# vif 0: script=vif-bridge bridge=xenbr1 (xl hands no arguments to a script)
"
    );
    folder.write("rhel4.cfg", &text);
    assert_eq!(folder.run(&["check", "--for", "xl", "rhel4.cfg"]).printed(), "");
}

#[test]
fn a_domain_goes_round_all_languages_and_stays_the_same() {
    let folder = Folder::new();
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/web.cfg");
    let first = folder.run(&["convert", web, "--to", "xl"]).printed();
    folder.write("web.cfg", &first);
    folder.write("web.sxp", folder.run(&["convert", "web.cfg", "--to", "sxp"]).printed());
    let last = folder.run(&["convert", "web.sxp", "--to", "xl"]).printed();
    let lines = |text: &str| {
        let mut lines: Vec<String> =
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&last), lines(&first));
}

#[test]
fn variables_are_worked_out() {
    let folder = Folder::with(&[("vm", "name = 'vm%s' % vmid\nmemory = 64\n")]);
    let text = folder.run(&["convert", "--var", "vmid=7", "vm", "--to", "xl"]).printed();
    assert!(text.contains("name = \"vm7\"\n"), "{text}");
    let ran = folder.run(&["convert", "vm", "--to", "xl"]);
    assert_eq!(ran.status, 1, "what is not known cannot be carried over");
    assert!(ran.stderr.starts_with("error[X0211]: `vmid` is not defined\n"), "{}", ran.stderr);
    assert!(ran.stdout.contains("memory = 64\n"), "what is known is written all the same: {}", ran.stdout);
}

const WRAPPER: &str = "#!/bin/sh\ndir=$(dirname \"$0\")\n\"$dir/network-bridge\" \"$@\" vifnum=0\n\
                       \"$dir/network-bridge\" \"$@\" vifnum=1 netdev=dummy0\n";

const NETWORKS: &str = "\
# The networks of this host, for dom0net.

# Connects an interface that names no script itself.
vif-script = \"vif-bridge\"

[[network]]
name = \"xenbr0\"
mode = \"bridge\"
bridge = \"xenbr0\"
uplink = \"eth0\"

[[network]]
name = \"xenbr1\"
mode = \"bridge\"
bridge = \"xenbr1\"
# No uplink: the guests reach each other and the host, and nobody else.
";

#[test]
fn the_hosts_networks_come_out_of_xends_configuration_and_its_wrapper_script() {
    let config = "(network-script my-wrapper)\n(vif-script vif-bridge)\n";
    let folder = Folder::with(&[("xen/xend-config.sxp", config), ("xen/scripts/my-wrapper", WRAPPER)]);
    assert_eq!(folder.run(&["convert", "xen/xend-config.sxp", "--to", "toml"]).printed(), NETWORKS);
    folder.write("elsewhere", WRAPPER);
    let words = ["convert", "--script", "elsewhere", "-", "--to", "toml"];
    assert_eq!(folder.run_with(&words, config.as_bytes()).printed(), NETWORKS);
    let alone = folder.run(&["convert", "elsewhere", "--to", "toml"]).printed();
    assert_eq!(
        alone,
        NETWORKS.replace(
            "# Connects an interface that names no script itself.\nvif-script = \"vif-bridge\"\n\n",
            ""
        )
    );
}

#[test]
fn a_wrapper_that_is_nowhere_is_an_error() {
    let folder = Folder::with(&[("xend-config.sxp", "(network-script my-wrapper)\n")]);
    let ran = folder.run(&["convert", "xend-config.sxp", "--to", "toml"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.starts_with("error[X1301]: `my-wrapper` is a script of your own\n"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_converted_so_is_refused() {
    let folder = Folder::with(&[("rhel4", OLD), ("xend-config.sxp", "(network-script network-bridge)\n")]);
    for (words, status, said) in [
        (
            ["rhel4", "--to", "toml"],
            1,
            "networks can be made of xend-config.sxp or a network script; rhel4 is of the kind domain",
        ),
        (
            ["xend-config.sxp", "--to", "xl"],
            1,
            "a configuration for xl can be made of a domain; xend-config.sxp is of the kind xend-config",
        ),
        (["missing", "--to", "xl"], 2, "cannot read missing: No such file or directory"),
        ([".", "--to", "xl"], 2, "cannot read .: Is a directory"),
        (["rhel4", "--to", "json"], 2, "invalid value 'json'"),
    ] {
        let ran = folder.run(&[&["convert"], &words[..]].concat());
        assert_eq!((ran.status, &ran.stdout[..]), (status, ""), "{words:?}");
        assert!(ran.stderr.contains(said), "{words:?}: {}", ran.stderr);
    }
}
