//! `dom0net install-scripts`, on a system below a folder, with the real dpkg.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A system of its own.
struct System {
    root: TempDir,
}

impl System {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    /// The same with dpkg, and a package with two of Xen's scripts; none, after saying so, where dpkg cannot be had.
    fn with_package() -> Option<Self> {
        for program in ["dpkg", "dpkg-deb", "dpkg-divert"] {
            testkit::program(program)?;
        }
        let system = Self::new();
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc/xen/scripts"] {
            fs::create_dir_all(system.path(folder)).unwrap();
        }
        for file in ["var/lib/dpkg/status", "var/lib/dpkg/available"] {
            fs::write(system.path(file), "").unwrap();
        }
        if let Err(reason) = system.install_package("1.0") {
            testkit::skip!("dpkg does not install into a folder here: {reason}");
            return None;
        }
        Some(system)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn script(&self, name: &str) -> PathBuf {
        self.path("etc/xen/scripts").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.script(name)).unwrap_or_else(|error| format!("{name}: {error}"))
    }

    /// Installs or upgrades the package, whose scripts say its version. One is a file for the administrator to change.
    fn install_package(&self, version: &str) -> Result<(), String> {
        let tree = self.path(&format!("build-{version}"));
        let write = |path: &str, text: String| {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let control = "Package: xen-scripts\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n\
                       Description: two scripts\n";
        write("DEBIAN/control", format!("{control}Version: {version}\n"));
        write("DEBIAN/conffiles", "/etc/xen/scripts/vif-route\n".into());
        for script in ["vif-bridge", "vif-route"] {
            write(&format!("etc/xen/scripts/{script}"), format!("{script} of {version}\n"));
        }
        let package = self.path(&format!("{version}.deb"));
        run(Command::new("dpkg-deb").arg("--build").arg(&tree).arg(&package))?;
        let root = format!("--root={}", self.root.path().display());
        run(Command::new("dpkg").args([&root, "--force-not-root", "--force-confnew", "-i"]).arg(&package))
    }

    fn install(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dom0net"));
        command.args(["install-scripts", "--prefix"]).arg(self.root.path()).args(words);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn is_linked(&self, name: &str) -> bool {
        let own = fs::canonicalize(env!("CARGO_BIN_EXE_dom0net")).unwrap();
        fs::read_link(self.script(name)).is_ok_and(|target| target == own)
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(text) }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn upgrades_of_the_package_leave_the_links_alone() {
    let Some(system) = System::with_package() else { return };
    let plan = system.install(&["--dry-run"]);
    assert!(plan.contains("link ") && !system.is_linked("vif-bridge"), "{plan}");
    system.install(&[]);
    assert!(system.is_linked("vif-bridge") && system.is_linked("network-nat"));
    assert_eq!(system.text("vif-bridge.distrib"), "vif-bridge of 1.0\n");
    assert_eq!(system.install(&[]), "nothing to do: all is so already\n");

    system.install_package("2.0").unwrap();
    assert!(system.is_linked("vif-bridge") && system.is_linked("vif-route"));
    assert_eq!(system.text("vif-bridge.distrib"), "vif-bridge of 2.0\n");

    system.install(&["--uninstall"]);
    assert_eq!(system.text("vif-bridge"), "vif-bridge of 2.0\n");
    assert_eq!(system.text("vif-route"), "vif-route of 2.0\n");
    assert_eq!(names(&system.path("etc/xen/scripts")), ["vif-bridge", "vif-route"]);
    let diversions = fs::read_to_string(system.path("var/lib/dpkg/diversions")).unwrap();
    assert_eq!(diversions, "");
    system.install(&["--uninstall"]);
    assert_eq!(system.text("vif-bridge"), "vif-bridge of 2.0\n");
}

#[test]
fn a_package_that_comes_later_goes_aside() {
    let Some(system) = System::with_package() else { return };
    let root = format!("--root={}", system.root.path().display());
    run(Command::new("dpkg").args([&root, "--force-not-root", "--purge", "xen-scripts"])).unwrap();
    system.install(&[]);
    system.install_package("3.0").unwrap();
    assert!(system.is_linked("vif-bridge"));
    assert_eq!(system.text("vif-bridge.distrib"), "vif-bridge of 3.0\n");
}

#[test]
fn without_dpkg_files_are_kept_aside_under_another_name() {
    let system = System::new();
    fs::create_dir_all(system.path("etc/xen/scripts")).unwrap();
    fs::write(system.script("vif-bridge"), "somebody's\n").unwrap();
    system.install(&[]);
    system.install(&[]);
    assert!(system.is_linked("vif-bridge"));
    assert_eq!(system.text("vif-bridge.before-dom0net"), "somebody's\n");
    system.install(&["--uninstall"]);
    system.install(&["--uninstall"]);
    assert_eq!(system.text("vif-bridge"), "somebody's\n");
    assert_eq!(names(&system.path("etc/xen/scripts")), ["vif-bridge"]);
}

#[test]
fn what_somebody_puts_in_a_links_place_is_not_lost() {
    let system = System::new();
    fs::create_dir_all(system.path("etc/xen/scripts")).unwrap();
    fs::write(system.script("vif-bridge"), "the package's\n").unwrap();
    system.install(&[]);
    fs::remove_file(system.script("vif-bridge")).unwrap();
    fs::write(system.script("vif-bridge"), "mine\n").unwrap();
    system.install(&["--uninstall"]);
    assert_eq!(system.text("vif-bridge"), "mine\n");
    assert_eq!(system.text("vif-bridge.before-dom0net"), "the package's\n");
}
