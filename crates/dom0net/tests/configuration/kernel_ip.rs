//! `dom0net kernel-ip`.

use crate::program::Folder;

/// What xm 4.4 printed with `xm create -n` for the same lines.
#[test]
fn the_line_is_that_of_xm() {
    for (lines, expected) in [
        ("ip = '1.2.3.4'", "ip=1.2.3.4:127.0.255.255::::eth0:off"),
        ("dhcp = 'dhcp'", "ip=:127.0.255.255::::eth0:dhcp"),
        (
            "ip = '10.0.0.9'\nnetmask = '255.255.255.0'\ngateway = '10.0.0.254'\nhostname = 'vm9'\ninterface = 'eth1'",
            "ip=10.0.0.9:127.0.255.255:10.0.0.254:255.255.255.0:vm9:eth1:off",
        ),
        (
            "dhcp = 'dhcp'\nroot = '/dev/nfs'\nnfs_server = '10.0.0.2'\nnfs_root = '/srv/root'",
            "ip=:10.0.0.2::::eth0:dhcp",
        ),
    ] {
        let folder = Folder::with(&[("web", &format!("name = 'web'\nmemory = 64\n{lines}\n"))]);
        let ran = folder.run(&["kernel-ip", "web"]);
        assert_eq!(
            (ran.status, ran.stdout, ran.stderr.as_str()),
            (0, format!("{expected}\n"), ""),
            "{lines}"
        );
    }
}

#[test]
fn a_file_of_xl_and_one_in_sxp_tell_the_line_too() {
    let xl = "name = 'web'\ntype = 'pvh'\ndhcp = 'dhcp'\n";
    let sxp = "(vm (name web) (image (linux (kernel /k) (ip 1.2.3.4:::::eth0:off))))\n";
    let folder = Folder::with(&[("web.cfg", xl), ("web.sxp", sxp)]);
    assert_eq!(folder.run(&["kernel-ip", "web.cfg"]).printed(), "ip=:127.0.255.255::::eth0:dhcp\n");
    assert_eq!(folder.run(&["kernel-ip", "web.sxp"]).printed(), "ip=1.2.3.4:::::eth0:off\n");
    let piped = folder.run_with(&["kernel-ip", "-"], xl.as_bytes());
    assert_eq!((piped.status, piped.stdout.as_str()), (0, "ip=:127.0.255.255::::eth0:dhcp\n"));
}

#[test]
fn variables_of_the_command_line_go_into_it() {
    let text = "name = 'vm' + vmid\nip = '10.0.0.%d' % int(vmid)\n";
    let folder = Folder::with(&[("vm", text)]);
    let ran = folder.run(&["kernel-ip", "--var", "vmid=7", "vm"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "ip=10.0.0.7:127.0.255.255::::eth0:off\n"));
    let ran = folder.run(&["kernel-ip", "vm"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""), "without vmid there is no address");
    assert!(ran.stderr.contains("vmid"), "{ran:?}");
}

#[test]
fn without_a_line_it_says_why() {
    let folder = Folder::with(&[
        ("plain", "name = 'plain'\nmemory = 64\ngateway = '10.0.0.254'\n"),
        ("xend-config.sxp", "(vif-script vif-bridge)\n"),
    ]);
    for (file, status, said) in [
        ("plain", 1, "plain makes no ip= line for the kernel"),
        ("xend-config.sxp", 1, "xend-config.sxp is of the kind xend-config"),
        ("absent", 2, "cannot read absent: No such file or directory"),
    ] {
        let ran = folder.run(&["kernel-ip", file]);
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{file}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}
