//! Reading the native configuration.

use std::collections::HashSet;
use std::fmt;

use super::{Mode, Network, Networks};

/// The native configuration says something that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadConfiguration(String);

impl fmt::Display for BadConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadConfiguration {}

impl Networks {
    /// Reads the file. The error shows the place, as far as there is one.
    ///
    /// ```
    /// use xenconf::native::{Mode, Networks};
    ///
    /// let networks = Networks::from_toml("[[network]]\nname = \"lan\"\nmode = \"bridge\"\nuplink = \"eth0\"\n")?;
    /// assert_eq!(networks.network[0].mode, Mode::Bridge);
    /// let error = Networks::from_toml("[[network]]\nname = \"lan\"\nmode = \"brigde\"\n").unwrap_err();
    /// assert!(error.to_string().contains("line 3"));
    /// # Ok::<(), xenconf::native::BadConfiguration>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, BadConfiguration> {
        let networks: Self = toml::from_str(text)
            .map_err(|error| BadConfiguration(error.to_string().trim_end().to_owned()))?;
        match networks.faults().into_iter().next() {
            None => Ok(networks),
            Some(fault) => {
                let name = &networks.network[fault.network].name;
                Err(BadConfiguration(format!("network \"{name}\": {}", fault.what)))
            }
        }
    }

    /// Finds fault with what does not go together: nothing is left out in silence.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let (mut names, mut guarded) = (HashSet::new(), HashSet::new());
        for (number, network) in self.network.iter().enumerate() {
            let mut fault = |key, what: String| faults.push(Fault::new(number, key, what));
            if !names.insert(network.name.as_str()) {
                fault("name", "two networks have this name".to_owned());
            }
            for key in network.misplaced() {
                fault(key, format!("{key} means nothing with mode = \"{}\"", network.mode.name()));
            }
            if network.guard.is_none() || network.bridge.is_some() {
                continue;
            }
            if network.mode == Mode::Bridge || network.subnet.is_some() {
                fault(
                    "guard",
                    "a network with guard says the name of its bridge; say it with bridge".to_owned(),
                );
            } else if !guarded.insert(network.mode.name()) {
                let script = network.mode.name();
                let what = format!(
                    "guests with vif-{script} are in each network of this mode; say guard in one of them"
                );
                fault("guard", what);
            }
        }
        faults
    }
}

/// Something that does not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which network, counted from 0.
    pub network: usize,
    /// The key that it is about.
    pub key: &'static str,
    /// What is wrong, in a sentence.
    pub what: String,
}

impl Network {
    /// The keys that mean nothing in this mode.
    fn misplaced(&self) -> Vec<&'static str> {
        let only_on_a_bridge = [
            ("antispoof", self.antispoof.is_some()),
            ("stp", self.stp.is_some()),
            ("layout", self.layout.is_some()),
        ];
        let only_behind = [
            ("subnet6", self.subnet6.is_some()),
            ("dhcp", self.dhcp.is_some()),
            ("dns", self.dns.is_some()),
            ("isolated", self.isolated.is_some()),
            ("forward", !self.forward.is_empty()),
        ];
        let has_subnet = [("subnet", self.subnet.is_some())];
        let parts: [&[(&'static str, bool)]; 2] = match self.mode {
            Mode::Bridge => [&only_behind, &has_subnet],
            // A router with a subnet of its own has a bridge for it, and serves addresses.
            Mode::Route if self.subnet.is_none() => [&only_behind, &only_on_a_bridge],
            Mode::Route | Mode::Nat => [&only_on_a_bridge, &[]],
        };
        parts.concat().into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_is_told() {
        let error = |text: &str| Networks::from_toml(text).unwrap_err().to_string();
        let network = |rest: &str| format!("[[network]]\nname = \"a\"\n{rest}");
        assert_eq!(
            error(&network("mode = \"bridge\"\ndhcp = true")),
            "network \"a\": dhcp means nothing with mode = \"bridge\""
        );
        assert!(error(&network("mode = \"nat\"\nstp = true")).contains("stp means nothing"));
        assert!(error(&network("mode = \"route\"\ndhcp = true")).contains("dhcp means nothing"));
        assert!(
            Networks::from_toml(&network("mode = \"route\"\nsubnet = \"10.1.0.0/24\"\ndhcp = true")).is_ok()
        );
        assert!(error(&network("mode = \"nat\"\ncolour = 1")).contains("unknown field `colour`"));
        assert!(error(&network("mode = \"bridge\"\nguard = \"log=yes\"")).contains("say it with bridge"));
        let routed =
            |name: &str| format!("[[network]]\nname = \"{name}\"\nmode = \"route\"\nguard = \"log=yes\"\n");
        assert!(Networks::from_toml(&routed("a")).is_ok());
        assert!(error(&(routed("a") + &routed("b"))).contains("say guard in one of them"));
        let twice = network("mode = \"nat\"\n").repeat(2);
        assert!(error(&twice).contains("two networks have this name"));
    }
}
