//! What is reported of files, and of files among each other.

use serde_json::{Value as Json, json};

use xenconf::check::{FileReport, check};
use xenconf::diagnostic::Severity;
use xenconf::options::Options;

fn reports(files: &[(&str, &str)]) -> Vec<FileReport> {
    reports_with(files, &Options::default())
}

fn reports_with(files: &[(&str, &str)], options: &Options) -> Vec<FileReport> {
    check(files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())), options)
}

fn codes(report: &FileReport) -> Vec<&'static str> {
    report.problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn a_domain_is_reported_with_these_fields() {
    let text = "name = 'web'\nmemory = 64\ntype = 'pv'\ndriver_domain = 1\npci = ['03:1a.1']\n\
                vif = ['mac=00:16:3E:00:00:01,rate=10MB/s,untrusted']\n";
    let report = serde_json::to_value(&reports(&[("web.cfg", text)])[0]).unwrap();
    assert_eq!(
        report,
        json!({
            "path": "web.cfg",
            "kind": "domain",
            "dialect": "xl",
            "network_script": null,
            "vif_script": null,
            "settings": { "memory": 64, "type": "pv", "driver_domain": 1 },
            "name": "web",
            "vifs": [{
                "mac": "00:16:3E:00:00:01",
                "rate": "10MB/s",
                "untrusted": true,
                "effective": {
                    "devid": 0,
                    "mac": "00:16:3e:00:00:01",
                    "bridge": "xenbr0",
                    "script": "vif-bridge",
                    "ip": [],
                    "vifname": null,
                    "rate_bytes_per_interval": 500_000,
                    "rate_interval_usecs": 50_000,
                    "mtu": 1500,
                    "type": "vif",
                    "model": "rtl8139",
                    "backend": "0",
                    "gatewaydev": null,
                    "vlan": null,
                    "trusted": false,
                },
            }],
            "pci": ["0000:03:1a.1"],
            "backends": ["driver_domain"],
            "kernel_ip": null,
            "problems": [],
        })
    );
}

#[test]
fn the_host_is_reported_with_its_scripts() {
    let text =
        "(network-script 'network-bridge netdev=eth1  bridge=x')\n(vif-script vif-bridge)\n(dom0-cpus 0)\n";
    let report = serde_json::to_value(&reports(&[("xend-config.sxp", text)])[0]).unwrap();
    assert_eq!(report["kind"], "xend-config");
    assert_eq!(report["network_script"], json!(["network-bridge", "netdev=eth1", "", "bridge=x"]));
    assert_eq!(report["vif_script"], json!(["vif-bridge"]));
    assert_eq!(report["settings"], json!({ "dom0-cpus": "0" }));
}

#[test]
fn a_problem_has_its_place_and_its_help() {
    let text = "# é\nname = 'é'\ntype = 'pv'\nvif = [ 'ip=é' ]\n";
    let problem = serde_json::to_value(&reports(&[("x.cfg", text)])[0].problems[0]).unwrap();
    assert_eq!(problem["severity"], "error");
    assert_eq!(
        (&problem["line"], &problem["column"], &problem["end_column"]),
        (&json!(4), &json!(13), &json!(14))
    );
    assert!(problem["help"].as_str().is_some_and(|help| help.contains("ip=10.0.0.1")));
    let fields: Vec<&String> = problem.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["code", "column", "end_column", "help", "line", "message", "severity"]);
}

#[test]
fn a_place_over_several_lines_ends_with_its_first() {
    let report = &reports(&[("x.sxp", "(vm (name a))\n(vm\n  (name b))\n")])[0];
    assert_eq!(
        (report.problems[0].line, report.problems[0].column, report.problems[0].end_column),
        (2, 1, 4)
    );
}

#[test]
fn one_bad_line_does_not_hide_the_next() {
    for (name, text, lines) in [
        ("a.sxp", "(network-script 'x)\n(vif-script y\n(xend-http-server maybe)\n", vec![1, 2, 3]),
        ("a", "name = 'a\ndhcp = \nvif = ['brigde=x']\nimport os\n", vec![1, 2, 3]),
        ("a.cfg", "name = 'a\ntype = \nvif = ['brigde=x']\n", vec![1, 2, 3]),
    ] {
        let report = &reports(&[(name, text)])[0];
        let found: Vec<usize> = report
            .problems
            .iter()
            .filter(|p| p.severity == Severity::Error)
            .map(|problem| problem.line)
            .collect();
        assert_eq!(found, lines, "{name}: {:?}", report.problems);
    }
}

const ONE: &str = "name='one'\ntype='pv'\nvif=['mac=00:16:3e:00:00:01,ip=10.0.0.1,vifname=web']\n";
const TWO: &str = "name='two'\ntype='pv'\nvif=['mac=00:16:3e:00:00:01,ip=10.0.0.0/24,vifname=web']\n";

#[test]
fn what_two_guests_share_is_told_in_the_second() {
    let reports = reports(&[("one", ONE), ("two", TWO)]);
    assert_eq!(codes(&reports[0]), [""; 0]);
    assert_eq!(codes(&reports[1]), ["X0706", "X0905", "X0523"]);
    assert!(reports[1].has_errors());
}

#[test]
fn guests_on_different_bridges_may_share_addresses() {
    let two = TWO
        .replace("mac=00:16:3e:00:00:01", "mac=00:16:3e:00:00:02,bridge=other")
        .replace("vifname=web", "vifname=x");
    assert_eq!(codes(&reports(&[("one", ONE), ("two", &two)])[1]), [""; 0]);
}

#[test]
fn two_files_of_one_domain_are_told_once() {
    let uuid = "uuid='11111111-1111-1111-1111-111111111111'\n";
    let reports = reports(&[("one", &format!("{ONE}{uuid}")), ("old", &format!("{ONE}{uuid}"))]);
    assert_eq!(codes(&reports[1]), ["X0561"]);
}

#[test]
fn the_host_counts_wherever_its_file_stands() {
    let host = ("xend-config.sxp", "(network-script 'network-bridge bridge=br7')\n(vif-script vif-bridge)\n");
    let guest = ("guest", "name='guest'\nbuilder='linux'\nvif=['bridge=br8', 'bridge=br7', '']\n");
    for files in [[host, guest], [guest, host]] {
        let reports = reports(&files);
        let report = reports.iter().find(|report| report.path == "guest").unwrap();
        assert_eq!(codes(report), ["X1201"], "only br8 does not exist");
    }
}

#[test]
fn a_wrapper_among_the_files_tells_its_bridges() {
    let host = ("xend-config.sxp", "(network-script my-bridges)\n(vif-script vif-bridge)\n");
    let wrapper = "#!/bin/sh\nfor i in 0 1; do /etc/xen/scripts/network-bridge \"$@\" vifnum=$i; done\n";
    let guest = ("guest", "name='guest'\nbuilder='linux'\nvif=['bridge=xenbr1', 'bridge=xenbr2']\n");
    let with = reports(&[host, guest, ("scripts/my-bridges", wrapper)]);
    assert_eq!(codes(&with[1]), ["X1201"], "only xenbr2 does not exist");
    assert_eq!(codes(&reports(&[host, guest])[1]), [""; 0], "without the script nothing is known");
    let more = format!("{wrapper}brctl addbr xenbr2\n");
    assert_eq!(codes(&reports(&[host, guest, ("scripts/my-bridges", &more)])[1]), [""; 0]);
}

#[test]
fn an_old_bridge_name_is_translated_as_vif_bridge_does() {
    let host = ("xend-config.sxp", "(network-script 'network-bridge bridge=eth0')\n");
    let guest = ("guest", "name='guest'\nbuilder='linux'\nvif=['bridge=xenbr0']\n");
    assert_eq!(codes(&reports(&[host, guest])[1]), [""; 0]);
}

#[test]
fn bridges_that_are_known_otherwise_count() {
    let options = Options { bridges: Some(vec!["br0".into()]), ..Options::default() };
    let guest = ("guest", "name='guest'\ntype='pv'\nvif=['bridge=br0', 'bridge=br1']\n");
    assert_eq!(codes(&reports_with(&[guest], &options)[0]), ["X1201"]);
}

#[test]
fn defaults_of_the_host_are_filled_in() {
    let xl_conf = ("xl.conf", "vif.default.bridge='br0'\nvif.default.script='vif-route'\n");
    let xl = ("xl", "name='a'\ntype='pv'\nvif=['']\n");
    let xend = ("xend-config.sxp", "(vif-script 'vif-nat dhcp=yes')\n");
    let xm = ("xm", "name='b'\nbuilder='linux'\nvif=['']\n");
    let reports = reports(&[xl, xm, xl_conf, xend]);
    let effective = |index: usize| &reports[index].vifs[0].effective;
    assert_eq!((effective(0).bridge.as_deref(), effective(0).script.as_str()), (Some("br0"), "vif-route"));
    assert_eq!((effective(1).bridge.as_deref(), effective(1).script.as_str()), (None, "vif-nat dhcp=yes"));
    assert_eq!(codes(&reports[0]), ["X0903"], "a routed interface without ip=");
}

#[test]
fn variables_are_those_of_the_command_line() {
    let text = "vmid = int(vmid)\nname = 'vm%d' % vmid\nmemory = 64\n";
    let options = Options {
        variables: vec![("vmid".into(), "7".into()), ("memory".into(), "96".into())],
        ..Options::default()
    };
    let report = &reports_with(&[("vm", text)], &options)[0];
    assert_eq!(report.name.as_deref(), Some("vm7"));
    assert_eq!(report.settings["memory"], 96);
}

#[test]
fn interfaces_can_be_given_on_the_command_line() {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let macs = |text: &str, variables: Vec<(String, String)>| {
        let options = Options { variables, ..Options::default() };
        let report = &reports_with(&[("vm", text)], &options)[0];
        report.vifs.iter().map(|vif| vif.effective.bridge.clone().unwrap_or_default()).collect::<Vec<_>>()
    };
    let xm = "builder = 'linux'\nvif = ['bridge=file']\n";
    assert_eq!(macs(xm, vec![variable("vif", "bridge=a"), variable("vif", "bridge=b")]), ["a", "b"]);
    let xl = "name = 'a'\ntype = 'pv'\nvif = ['bridge=file']\n";
    assert_eq!(macs(xl, vec![variable("vif", "['bridge=a']")]), ["a"]);
    assert_eq!(macs(xl, vec![variable("vif+", "['bridge=a']")]), ["file", "a"]);
}

#[test]
fn severities_are_ordered_as_their_words_say() {
    assert!(Severity::Note < Severity::Warning && Severity::Warning < Severity::Error);
    let json: Json =
        serde_json::to_value(reports(&[("a", "name='a'\ntype='pv'\nvif=['mtu=1500']\n")])).unwrap();
    assert_eq!(json[0]["problems"][0]["severity"], "note");
}
