//! Attributes kept as they came.

use super::attributes::{Attributes, u32_of};
use super::message::Message;

/// The attributes of an object, number and payload, in the kernel's order: also those that nobody here knows, so that
/// an object that is put back is the one that was there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct OwnedAttributes(Vec<(u16, Vec<u8>)>);

impl OwnedAttributes {
    /// Keeps the attributes in `bytes`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        Self(Attributes::new(bytes).map(|(kind, payload)| (kind, payload.to_vec())).collect())
    }

    /// The payload of the first attribute of this type.
    #[must_use]
    pub fn get(&self, kind: u16) -> Option<&[u8]> {
        self.0.iter().find(|(this, _)| *this == kind).map(|(_, payload)| &payload[..])
    }

    /// The payload of the first attribute of this type, as an integer.
    #[must_use]
    pub fn u32(&self, kind: u16) -> Option<u32> {
        self.get(kind).and_then(u32_of)
    }

    /// Sets an attribute, in place of one of this type.
    pub fn set(&mut self, kind: u16, payload: impl Into<Vec<u8>>) {
        match self.get_mut(kind) {
            Some(old) => *old = payload.into(),
            None => self.0.push((kind, payload.into())),
        }
    }

    /// The payload of the first attribute of this type, to be changed.
    pub fn get_mut(&mut self, kind: u16) -> Option<&mut Vec<u8>> {
        self.0.iter_mut().find(|(this, _)| *this == kind).map(|(_, payload)| payload)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.0.iter().map(|(kind, payload)| (*kind, &payload[..]))
    }

    /// Writes all of them into a message.
    pub fn write(&self, message: &mut Message) {
        for (kind, payload) in self.iter() {
            message.attribute(kind, payload);
        }
    }
}
