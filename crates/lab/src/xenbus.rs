//! The words of the split device drivers (`xen/include/public/io/xenbus.h`), and where they are written.

use std::fmt;

/// How far one end of a device is (`enum xenbus_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum XenbusState {
    /// Nobody knows.
    Unknown = 0,
    /// Its nodes have been written.
    Initialising = 1,
    /// The backend waits for the frontend.
    InitWait = 2,
    /// The frontend waits for the backend.
    Initialised = 3,
    /// Traffic can pass.
    Connected = 4,
    /// It is on its way out.
    Closing = 5,
    /// It is out.
    Closed = 6,
    /// It changes its settings.
    Reconfiguring = 7,
    /// It has changed its settings.
    Reconfigured = 8,
}

impl XenbusState {
    const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Initialising,
        Self::InitWait,
        Self::Initialised,
        Self::Connected,
        Self::Closing,
        Self::Closed,
        Self::Reconfiguring,
        Self::Reconfigured,
    ];

    /// Reads the value of a `state` node. Anything strange is unknown, as for the kernel.
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        let number = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<u8>().ok());
        Self::ALL.into_iter().find(|state| Some(*state as u8) == number).unwrap_or(Self::Unknown)
    }

    /// The value of a `state` node.
    #[must_use]
    pub fn value(self) -> String {
        (self as u8).to_string()
    }
}

impl fmt::Display for XenbusState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self:?})", *self as u8)
    }
}

/// A virtual network interface, and the domain that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VifId {
    /// The guest.
    pub domid: u32,
    /// Its number in the guest.
    pub devid: u32,
    /// The domain that serves it; 0 is dom0.
    pub backend: u32,
}

impl VifId {
    /// The name that the kernel gives the backend's device.
    #[must_use]
    pub fn device(self) -> String {
        format!("vif{}.{}", self.domid, self.devid)
    }

    /// The backend's nodes, for those to whom relative paths do not mean the backend's domain.
    #[must_use]
    pub fn backend_path(self) -> String {
        format!("/local/domain/{}/{}", self.backend, self.relative_backend_path())
    }

    /// The same for the backend's domain itself.
    #[must_use]
    pub fn relative_backend_path(self) -> String {
        format!("backend/vif/{}/{}", self.domid, self.devid)
    }

    /// The frontend's nodes.
    #[must_use]
    pub fn frontend_path(self) -> String {
        format!("/local/domain/{}/device/vif/{}", self.domid, self.devid)
    }

    /// The toolstack's own nodes about it.
    #[must_use]
    pub fn libxl_path(self) -> String {
        format!("/libxl/{}/device/vif/{}", self.domid, self.devid)
    }

    /// Where the backend's kernel says what went wrong.
    #[must_use]
    pub fn error_path(self) -> String {
        format!("/local/domain/{}/error/{}/error", self.backend, self.relative_backend_path())
    }
}

impl fmt::Display for VifId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vif{}.{}", self.domid, self.devid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_numbers_and_strange_ones_are_unknown() {
        for state in XenbusState::ALL {
            assert_eq!(XenbusState::read(state.value().as_bytes()), state);
        }
        for strange in [&b""[..], b"9", b"-1", b"four", b"\xff", b"4 4"] {
            assert_eq!(XenbusState::read(strange), XenbusState::Unknown, "{strange:?}");
        }
    }

    #[test]
    fn paths_are_those_of_libxl() {
        let vif = VifId { domid: 3, devid: 1, backend: 0 };
        assert_eq!(vif.backend_path(), "/local/domain/0/backend/vif/3/1");
        assert_eq!(vif.frontend_path(), "/local/domain/3/device/vif/1");
        assert_eq!(vif.libxl_path(), "/libxl/3/device/vif/1");
        assert_eq!(vif.error_path(), "/local/domain/0/error/backend/vif/3/1/error");
    }
}
