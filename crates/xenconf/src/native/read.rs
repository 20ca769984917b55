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
        let mut names = HashSet::new();
        for network in &networks.network {
            if !names.insert(network.name.as_str()) {
                return Err(network.bad("two networks have this name"));
            }
            network.check()?;
        }
        Ok(networks)
    }
}

impl Network {
    fn bad(&self, what: &str) -> BadConfiguration {
        BadConfiguration(format!("network \"{}\": {what}", self.name))
    }

    /// Finds fault with what does not go together: nothing is left out in silence.
    fn check(&self) -> Result<(), BadConfiguration> {
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
        let has_subnet = ("subnet", self.subnet.is_some());
        let misplaced: Vec<&str> = match self.mode {
            Mode::Bridge => only_behind
                .iter()
                .chain([&has_subnet])
                .filter(|(_, given)| *given)
                .map(|(key, _)| *key)
                .collect(),
            // A router with a subnet of its own has a bridge for it, and serves addresses.
            Mode::Route if self.subnet.is_none() => only_behind
                .iter()
                .chain(&only_on_a_bridge)
                .filter(|(_, given)| *given)
                .map(|(key, _)| *key)
                .collect(),
            Mode::Route | Mode::Nat => {
                only_on_a_bridge.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect()
            }
        };
        match misplaced.first() {
            Some(key) => Err(self.bad(&format!("{key} means nothing with mode = \"{}\"", self.mode.name()))),
            None => Ok(()),
        }
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
        let twice = network("mode = \"nat\"\n").repeat(2);
        assert!(error(&twice).contains("two networks have this name"));
    }
}
