//! The values of `network-script` and `vif-script`: a script and its arguments.

/// The folder in which scripts without a slash in their name are looked up.
pub const SCRIPT_DIR: &str = "/etc/xen/scripts";

/// A script to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name as written: in [`SCRIPT_DIR`], or a path.
    pub name: String,
    /// The arguments in order. Each blank separates two, so that two blanks make an empty one.
    pub arguments: Vec<String>,
}

impl Script {
    /// Takes a value apart as xend does: at every single space, with no quoting. `None` when it is empty,
    /// which means that no script is run.
    ///
    /// ```
    /// use xenconf::script::Script;
    ///
    /// let script = Script::parse("network-bridge netdev=eth1 bridge=xenbr1").unwrap();
    /// assert_eq!(script.name, "network-bridge");
    /// assert_eq!(script.argument("bridge"), Some("xenbr1"));
    /// assert_eq!(script.path(), "/etc/xen/scripts/network-bridge");
    /// assert_eq!(Script::parse(""), None);
    /// ```
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.is_empty() {
            return None;
        }
        let mut words = value.split(' ').map(str::to_owned);
        let name = words.next()?;
        Some(Self { name, arguments: words.collect() })
    }

    /// The name without its folder.
    #[must_use]
    pub fn base_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or("")
    }

    /// True when its name is that of a network script which Xen came with. `network-dummy` is the distributions' own,
    /// and does nothing.
    #[must_use]
    pub fn is_xens_network_script(&self) -> bool {
        is_xens_network_script(self.base_name())
    }

    /// The path that is run.
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.name)
    }

    /// The value of an argument `name=value`; the last one counts, as the scripts evaluate them in turn.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.iter().rev().find_map(|word| {
            let (key, value) = word.split_once('=')?;
            (key == name).then_some(value)
        })
    }
}

/// True for the name, without a folder, of a network script that Xen came with.
pub(crate) fn is_xens_network_script(name: &str) -> bool {
    matches!(name, "network-bridge" | "network-route" | "network-nat" | "network-dummy" | "network")
}

/// The path of a script by name: an absolute one stays as it is.
#[must_use]
pub fn path(name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{SCRIPT_DIR}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_blanks_make_an_empty_argument() {
        let script = Script::parse("/opt/net  antispoof=yes").unwrap();
        assert_eq!(script.arguments, ["", "antispoof=yes"]);
        assert_eq!(script.path(), "/opt/net");
        assert_eq!(script.base_name(), "net");
        assert_eq!(script.argument("antispoof"), Some("yes"));
        assert_eq!(script.argument("bridge"), None);
    }
}
