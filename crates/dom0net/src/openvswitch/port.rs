//! A guest's port on a switch.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xenconf::vlan::Vlans;

use super::client::{Database, Error};

/// Whose port it is, in the database: so that it is found again under any name.
const OWNER: &str = "dom0net-port";

/// The VLANs of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// The VLAN of untagged frames.
    pub tag: Option<u16>,
    /// Those whose frames are tagged.
    pub trunks: Vec<u16>,
}

/// A bridge and VLANs, as `bridge=` says them for Open vSwitch: `NAME[.TAG][:TRUNK[:TRUNK…]]`.
///
/// ```
/// use dom0net::openvswitch::BridgeSpec;
///
/// let spec: BridgeSpec = "ovsbr0.10:20:30".parse()?;
/// assert_eq!(spec.bridge, "ovsbr0");
/// assert_eq!((spec.tags.tag, &spec.tags.trunks[..]), (Some(10), &[20, 30][..]));
/// # Ok::<(), dom0net::openvswitch::BadBridge>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeSpec {
    /// The bridge's name.
    pub bridge: String,
    /// The VLANs.
    pub tags: Tags,
}

/// The text is no bridge of Open vSwitch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBridge;

impl std::str::FromStr for BridgeSpec {
    type Err = BadBridge;

    fn from_str(text: &str) -> Result<Self, BadBridge> {
        let mut parts = text.split(':');
        let first = parts.next().unwrap_or_default();
        let (bridge, tag) = match first.split_once('.') {
            Some((bridge, tag)) => (bridge, Some(vlan(tag)?)),
            None => (first, None),
        };
        let is_name = |c: char| !c.is_whitespace() && !c.is_control() && c != '/';
        if bridge.is_empty() || bridge.len() > 15 || !bridge.chars().all(is_name) {
            return Err(BadBridge);
        }
        let trunks = parts.map(vlan).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { bridge: bridge.to_owned(), tags: Tags { tag, trunks } })
    }
}

fn vlan(text: &str) -> Result<u16, BadBridge> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_number && *id <= 4095).ok_or(BadBridge)
}

impl fmt::Display for BadBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a bridge of Open vSwitch is NAME, NAME.TAG or NAME.TAG:TRUNK:TRUNK, with VLANs from 0 to 4095",
        )
    }
}

impl std::error::Error for BadBridge {}

impl Tags {
    /// The same VLANs as `vlan=` says them for other bridges; none when Open vSwitch cannot have it so: only one VLAN of
    /// a port can be without a tag.
    #[must_use]
    pub fn of(vlans: &Vlans) -> Option<Self> {
        let mut tags = Self { tag: vlans.pvid(), trunks: Vec::new() };
        for vlan in vlans {
            match (vlan.pvid, vlan.untagged) {
                (true, _) => {}
                (false, false) => tags.trunks.push(vlan.id),
                (false, true) => return None,
            }
        }
        Some(tags)
    }
}

/// A port to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchPort {
    /// Whose it is: `vif1.0`, or `tap1.0`.
    pub owner: String,
    /// The bridge.
    pub bridge: String,
    /// The device.
    pub device: String,
    /// Its VLANs.
    pub tags: Tags,
    /// What the database shall know of it besides: keys and values.
    pub external_ids: Vec<(String, String)>,
}

impl SwitchPort {
    /// Makes the port, in place of one of the same owner or device, and waits until the switch has it.
    pub fn add(&self, database: &mut Database) -> Result<(), Error> {
        let bridges = database.select("Bridge", &json!(["name", "==", self.bridge]), &["_uuid"])?;
        let Some(bridge) = bridges.first().map(|row| row["_uuid"].clone()) else {
            let all = database.select("Bridge", &json!(["name", "!=", ""]), &["name"])?;
            let mut present: Vec<String> =
                all.iter().filter_map(|row| Some(row["name"].as_str()?.to_owned())).collect();
            present.sort();
            return Err(Error::NoBridge { name: self.bridge.clone(), present });
        };
        let mut operations = self.removals(database)?;
        let ids: Vec<Value> = self.external_ids.iter().map(|(key, value)| json!([key, value])).collect();
        let ids = [ids, vec![json!([OWNER, self.owner])]].concat();
        let interface = json!({ "name": self.device, "external_ids": ["map", ids] });
        let mut port = json!({ "name": self.device, "interfaces": ["named-uuid", "interface"] });
        if let Some(tag) = self.tags.tag {
            port["tag"] = json!(tag);
        }
        if !self.tags.trunks.is_empty() {
            port["trunks"] = json!(["set", self.tags.trunks]);
            // With a tag alone told, the switch would take no notice of the trunks.
            let mode = if self.tags.tag.is_some() { "native-untagged" } else { "trunk" };
            port["vlan_mode"] = json!(mode);
        }
        operations.extend([
            json!({ "op": "insert", "table": "Interface", "row": interface, "uuid-name": "interface" }),
            json!({ "op": "insert", "table": "Port", "row": port, "uuid-name": "port" }),
            json!({
                "op": "mutate", "table": "Bridge", "where": [["_uuid", "==", bridge]],
                "mutations": [["ports", "insert", ["set", [["named-uuid", "port"]]]]],
            }),
        ]);
        commit(database, operations)?;
        self.check(database)
    }

    /// Whether its bridge passes frames in user space, past the kernel: then no packet filter sees them.
    pub fn is_past_the_kernel(&self, database: &mut Database) -> Result<bool, Error> {
        let rows = database.select("Bridge", &json!(["name", "==", self.bridge]), &["datapath_type"])?;
        Ok(rows.iter().any(|row| row["datapath_type"] == "netdev"))
    }

    /// Removes the port of this owner. No error when there is none.
    pub fn remove(&self, database: &mut Database) -> Result<(), Error> {
        let operations = removals_of(database, &owned_by(&self.owner))?;
        if operations.is_empty() { Ok(()) } else { commit(database, operations) }
    }

    /// The switch says in the database what it could not do.
    fn check(&self, database: &mut Database) -> Result<(), Error> {
        let rows = database.select("Interface", &owned_by(&self.owner), &["error", "ofport"])?;
        let row = rows.first().ok_or(Error::Malformed("no row for the port that was made"))?;
        let sentence = row["error"].as_str().map(ToOwned::to_owned);
        match sentence.or_else(|| (row["ofport"] == -1).then(|| "it gave no reason".to_owned())) {
            None => Ok(()),
            Some(sentence) => {
                self.remove(database)?;
                Err(Error::Port { device: self.device.clone(), sentence })
            }
        }
    }

    /// What takes away other ports of this owner, and whatever port has this device.
    fn removals(&self, database: &mut Database) -> Result<Vec<Value>, Error> {
        let mut operations = removals_of(database, &owned_by(&self.owner))?;
        for other in removals_of(database, &json!(["name", "==", self.device]))? {
            if !operations.contains(&other) {
                operations.push(other);
            }
        }
        Ok(operations)
    }
}

fn owned_by(owner: &str) -> Value {
    json!(["external_ids", "includes", ["map", [[OWNER, owner]]]])
}

/// What takes the ports away whose interfaces a condition holds for. Rows that nothing leads to go by themselves.
fn removals_of(database: &mut Database, interfaces: &Value) -> Result<Vec<Value>, Error> {
    let mut operations = Vec::new();
    for interface in database.select("Interface", interfaces, &["_uuid"])? {
        let holds = |column: &str, row: &Value| json!([column, "includes", row["_uuid"]]);
        for port in database.select("Port", &holds("interfaces", &interface), &["_uuid"])? {
            for bridge in database.select("Bridge", &holds("ports", &port), &["_uuid"])? {
                operations.push(json!({
                    "op": "mutate", "table": "Bridge", "where": [["_uuid", "==", bridge["_uuid"]]],
                    "mutations": [["ports", "delete", ["set", [port["_uuid"]]]]],
                }));
            }
        }
    }
    Ok(operations)
}

/// Carries operations out, and waits until the switch has followed.
fn commit(database: &mut Database, mut operations: Vec<Value>) -> Result<(), Error> {
    operations.push(json!({
        "op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]],
    }));
    operations.push(json!({ "op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"] }));
    let results = database.transact(operations)?;
    let number = results.last().and_then(|result| result["rows"][0]["next_cfg"].as_i64());
    database.await_switch(number.ok_or(Error::Malformed("no number of the configuration"))?)
}

/// In the imperative: "give vif1.0 a port of ovsbr0".
impl fmt::Display for SwitchPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "give {} a port of {}", self.device, self.bridge)?;
        if let Some(tag) = self.tags.tag {
            write!(f, ", VLAN {tag}")?;
        }
        let trunks: Vec<String> = self.tags.trunks.iter().map(u16::to_string).collect();
        if trunks.is_empty() { Ok(()) } else { write!(f, ", tagged {}", trunks.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Option<u16>, Vec<u16>), BadBridge> {
        text.parse::<BridgeSpec>().map(|spec| (spec.bridge, spec.tags.tag, spec.tags.trunks))
    }

    #[test]
    fn the_grammar_of_xens_script_is_read() {
        assert_eq!(read("ovsbr0").unwrap(), ("ovsbr0".into(), None, vec![]));
        assert_eq!(read("ovsbr0.10").unwrap(), ("ovsbr0".into(), Some(10), vec![]));
        assert_eq!(read("ovsbr0:20:30").unwrap(), ("ovsbr0".into(), None, vec![20, 30]));
        for bad in
            ["", ".10", "a.b", "a.10.20", "a:", "a:x", "a.4096", "a:+1", "a b", "a/b", "sixteen-bytes-xx"]
        {
            assert_eq!(read(bad), Err(BadBridge), "{bad:?}");
        }
    }

    #[test]
    fn vlans_of_other_bridges_become_tag_and_trunks() {
        let tags = |text: &str| Tags::of(&xenconf::vlan::parse(text).unwrap());
        assert_eq!(tags("10"), Some(Tags { tag: Some(10), trunks: vec![] }));
        assert_eq!(tags("10p/100-101"), Some(Tags { tag: Some(10), trunks: vec![100, 101] }));
        assert_eq!(tags("10p/20u"), None);
    }
}
