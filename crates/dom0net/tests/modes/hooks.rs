//! Hooks in `vif-post.d`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use dom0net::vif::PortKind;

use crate::stage::{Stage, domain};

const WEB: &str = "mac=00:16:3e:00:00:02,ip=10.0.0.2 2001:db8::/64,bridge=xenbr0,vifname=web";

impl Stage {
    fn with_bridge() -> Option<Self> {
        let stage = Self::new()?;
        stage.lab.add_bridge("xenbr0", &["eth0"]).unwrap();
        Some(stage)
    }

    fn add_hook(&self, name: &str, text: &str) {
        let folder = self.script("scripts/vif-post.d");
        fs::create_dir_all(&folder).unwrap();
        let hook = folder.join(name);
        fs::write(&hook, text.replace("OUT", &self.script("out").display().to_string())).unwrap();
        fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn out(&self) -> String {
        fs::read_to_string(self.script("out")).unwrap_or_default()
    }
}

#[test]
fn xens_hooks_run_with_their_variables_and_functions() {
    let Some(stage) = Stage::with_bridge() else { return };
    if testkit::program("bash").is_none() {
        return;
    }
    // What only bash understands, and what only a part of a script can do.
    let hook = r#"words=($command "$dev" "$vif" "$bridge" "$mac")
if [[ $command == online ]]; then ip_word="with ${ip%% *}"; fi
do_or_die true
log debug "not shown"
echo "${words[*]} $ip_word" >> OUT
"#;
    stage.add_hook("50-note.hook", hook);
    stage.add_hook("10-first.hook", "echo first >> OUT\n");
    stage.add_hook("60-other.txt", "echo never >> OUT\n");
    stage.guest("web", WEB, &["10.0.0.2/24"], &[]);
    stage.lab.toolstack().detach(1, 0).unwrap();
    assert_eq!(
        stage.out(),
        "first\nonline web vif1.0 xenbr0 00:16:3e:00:00:02 with 10.0.0.2\nfirst\noffline web vif1.0   \n"
    );
}

#[test]
fn programs_are_hooks_too_and_need_no_shell() {
    let Some(stage) = Stage::with_bridge() else { return };
    stage.add_hook("note.run", "#!/bin/sh\ncat >> OUT; echo >> OUT\n");
    stage.guest("web", WEB, &["10.0.0.2/24"], &[]);
    let told: serde_json::Value = serde_json::from_str(stage.out().trim()).unwrap();
    assert_eq!(told["command"], "online");
    assert_eq!(
        (&told["device"], &told["made_as"], &told["domid"]),
        (&"web".into(), &"vif1.0".into(), &1.into())
    );
    assert_eq!(told["addresses"], serde_json::json!(["10.0.0.2", "2001:db8::/64"]));
    assert_eq!(told["bridge"], "xenbr0");
}

#[test]
fn a_hook_that_fails_makes_the_plug_fail() {
    let Some(stage) = Stage::with_bridge() else { return };
    stage.add_hook("fail.run", "#!/bin/sh\necho 'no such firewall' >&2\nexit 3\n");
    let error = stage.refusal(WEB);
    assert!(error.contains("fail.run failed (exit status: 3): no such firewall"), "{error}");
    // Nothing is left of it, and unplugging goes on all the same.
    assert!(stage.guard(1, PortKind::Vif).is_none());
}

#[test]
fn a_hook_that_hangs_is_ended() {
    let Some(stage) = Stage::with_bridge() else { return };
    // With a child that outlives it, and holds what it was given.
    stage.add_hook("hang.run", "#!/bin/sh\nsleep 1000 & sleep 1000\n");
    let begun = Instant::now();
    let error = stage.lab.toolstack().create(&domain("web", WEB, &[], &[])).unwrap_err();
    assert!(error.hotplug_error().unwrap().contains("took longer than 2 seconds"), "{error}");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
}
