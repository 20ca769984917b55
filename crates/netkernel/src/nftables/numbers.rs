//! The numbers of `linux/netfilter/nf_tables.h` and `nfnetlink.h`, one module per attribute set.
//!
//! Written by hand from the header: the kernel's own machine-readable specification of this family has wrong numbers
//! for set elements and lookups. A test holds what we send against what `nft` shows.

pub(super) const SUBSYSTEM: u16 = 10;

pub(super) mod message {
    pub(crate) const BATCH_BEGIN: u16 = 0x10;
    pub(crate) const BATCH_END: u16 = 0x11;
    pub(crate) const NEWTABLE: u16 = 0;
    pub(crate) const GETTABLE: u16 = 1;
    pub(crate) const DELTABLE: u16 = 2;
    pub(crate) const NEWCHAIN: u16 = 3;
    pub(crate) const GETCHAIN: u16 = 4;
    pub(crate) const DELCHAIN: u16 = 5;
    pub(crate) const NEWRULE: u16 = 6;
    pub(crate) const GETRULE: u16 = 7;
    pub(crate) const DELRULE: u16 = 8;
    pub(crate) const NEWSET: u16 = 9;
    pub(crate) const GETSET: u16 = 10;
    pub(crate) const DELSET: u16 = 11;
    pub(crate) const NEWSETELEM: u16 = 12;
    pub(crate) const GETSETELEM: u16 = 13;
    pub(crate) const DELSETELEM: u16 = 14;
    pub(crate) const GETGEN: u16 = 16;
}

pub(super) const LIST_ELEMENT: u16 = 1;

pub(super) mod batch {
    pub(crate) const GENERATION: u16 = 1;
}

pub(super) mod generation {
    pub(crate) const ID: u16 = 1;
}

pub(super) mod table {
    pub(crate) const NAME: u16 = 1;
    pub(crate) const USE: u16 = 3;
}

pub(super) mod hook {
    pub(crate) const NUMBER: u16 = 1;
    pub(crate) const PRIORITY: u16 = 2;
    pub(crate) const DEVICE: u16 = 3;
    pub(crate) const DEVICES: u16 = 4;
    /// `NFTA_DEVICE_NAME`, in the list of devices.
    pub(crate) const DEVICE_NAME: u16 = 1;
}

pub(super) mod chain {
    pub(crate) const TABLE: u16 = 1;
    pub(crate) const NAME: u16 = 3;
    pub(crate) const HOOK: u16 = 4;
    pub(crate) const POLICY: u16 = 5;
    pub(crate) const USE: u16 = 6;
    pub(crate) const TYPE: u16 = 7;
    pub(crate) const USERDATA: u16 = 12;
}

pub(super) mod rule {
    pub(crate) const TABLE: u16 = 1;
    pub(crate) const CHAIN: u16 = 2;
    pub(crate) const EXPRESSIONS: u16 = 4;
    pub(crate) const USERDATA: u16 = 7;
}

pub(super) mod set {
    pub(crate) const USERDATA: u16 = 13;
    /// For `nft list` (`NFTNL_UDATA_SET_KEYBYTEORDER`, 4 bytes): keys stand in the machine's order.
    pub(crate) const KEYS_IN_MACHINE_ORDER: [u8; 6] = {
        let [a, b, c, d] = 1_u32.to_ne_bytes();
        [0, 4, a, b, c, d]
    };
    pub(crate) const TABLE: u16 = 1;
    pub(crate) const NAME: u16 = 2;
    pub(crate) const FLAGS: u16 = 3;
    pub(crate) const KEY_TYPE: u16 = 4;
    pub(crate) const KEY_LENGTH: u16 = 5;
    pub(crate) const DATA_TYPE: u16 = 6;
    pub(crate) const DATA_LENGTH: u16 = 7;
    pub(crate) const ID: u16 = 10;
    pub(crate) const FLAG_ANONYMOUS: u32 = 0x1;
    pub(crate) const FLAG_CONSTANT: u32 = 0x2;
    pub(crate) const FLAG_INTERVAL: u32 = 0x4;
    pub(crate) const FLAG_MAP: u32 = 0x8;
    /// `NFT_SET_EVAL`: rules change it.
    pub(crate) const FLAG_DYNAMIC: u32 = 0x20;
}

pub(super) mod elements {
    pub(crate) const TABLE: u16 = 1;
    pub(crate) const SET: u16 = 2;
    pub(crate) const ELEMENTS: u16 = 3;
    pub(crate) const SET_ID: u16 = 4;
}

pub(super) mod element {
    pub(crate) const KEY: u16 = 1;
    pub(crate) const DATA: u16 = 2;
    pub(crate) const FLAGS: u16 = 3;
    pub(crate) const USERDATA: u16 = 6;
    pub(crate) const EXPRESSION: u16 = 7;
    pub(crate) const FLAG_INTERVAL_END: u32 = 0x1;
}

pub(super) mod data {
    pub(crate) const VALUE: u16 = 1;
    pub(crate) const VERDICT: u16 = 2;
}

pub(super) mod verdict {
    pub(crate) const CODE: u16 = 1;
    pub(crate) const CHAIN: u16 = 2;
    pub(crate) const JUMP: i32 = -3;
    pub(crate) const GOTO: i32 = -4;
    pub(crate) const RETURN: i32 = -5;
}

pub(super) mod expression {
    pub(crate) const NAME: u16 = 1;
    pub(crate) const DATA: u16 = 2;
}

pub(super) mod immediate {
    pub(crate) const DESTINATION: u16 = 1;
    pub(crate) const DATA: u16 = 2;
}

pub(super) mod bitwise {
    pub(crate) const SOURCE: u16 = 1;
    pub(crate) const DESTINATION: u16 = 2;
    pub(crate) const LENGTH: u16 = 3;
    pub(crate) const MASK: u16 = 4;
    pub(crate) const XOR: u16 = 5;
}

pub(super) mod compare {
    pub(crate) const SOURCE: u16 = 1;
    pub(crate) const OPERATION: u16 = 2;
    pub(crate) const DATA: u16 = 3;
}

pub(super) mod range {
    pub(crate) const SOURCE: u16 = 1;
    pub(crate) const OPERATION: u16 = 2;
    pub(crate) const FROM: u16 = 3;
    pub(crate) const TO: u16 = 4;
}

pub(super) mod lookup {
    pub(crate) const SET: u16 = 1;
    pub(crate) const SOURCE: u16 = 2;
    pub(crate) const DESTINATION: u16 = 3;
    pub(crate) const SET_ID: u16 = 4;
    pub(crate) const FLAGS: u16 = 5;
}

pub(super) mod dynamic {
    pub(crate) const SET: u16 = 1;
    pub(crate) const OPERATION: u16 = 3;
    pub(crate) const KEY: u16 = 4;
    pub(crate) const EXPRESSION: u16 = 7;
    /// `NFT_DYNSET_OP_UPDATE`.
    pub(crate) const UPDATE: u32 = 1;
}

pub(super) mod payload {
    pub(crate) const DESTINATION: u16 = 1;
    pub(crate) const BASE: u16 = 2;
    pub(crate) const OFFSET: u16 = 3;
    pub(crate) const LENGTH: u16 = 4;
}

pub(super) mod extension {
    pub(crate) const DESTINATION: u16 = 1;
    pub(crate) const TYPE: u16 = 2;
    pub(crate) const OFFSET: u16 = 3;
    pub(crate) const LENGTH: u16 = 4;
    pub(crate) const FLAGS: u16 = 5;
    pub(crate) const FLAG_PRESENT: u32 = 1;
}

pub(super) mod meta {
    pub(crate) const DESTINATION: u16 = 1;
    pub(crate) const KEY: u16 = 2;
    pub(crate) const SOURCE: u16 = 3;
}

pub(super) mod tracking {
    pub(crate) const DESTINATION: u16 = 1;
    pub(crate) const KEY: u16 = 2;
    /// `NFT_CT_STATE`.
    pub(crate) const STATE: u32 = 0;
    /// `NFT_CT_STATUS`.
    pub(crate) const STATUS: u32 = 2;
}

pub(super) mod routing {
    pub(crate) const DESTINATION: u16 = 1;
    pub(crate) const RESULT: u16 = 2;
    pub(crate) const FLAGS: u16 = 3;
    /// `NFT_FIB_RESULT_OIFNAME`.
    pub(crate) const LINK_NAME: u32 = 2;
    /// `NFT_FIB_RESULT_ADDRTYPE`.
    pub(crate) const ADDRESS_KIND: u32 = 3;
    /// `NFTA_FIB_F_SADDR`.
    pub(crate) const OF_SOURCE: u32 = 1;
    /// `NFTA_FIB_F_DADDR`.
    pub(crate) const OF_DESTINATION: u32 = 2;
}

pub(super) mod translation {
    pub(crate) const TYPE: u16 = 1;
    pub(crate) const FAMILY: u16 = 2;
    pub(crate) const ADDRESS: u16 = 3;
    pub(crate) const PORT: u16 = 5;
    /// `NFT_NAT_DNAT`.
    pub(crate) const OF_DESTINATION: u32 = 1;
}

pub(super) mod limit {
    pub(crate) const RATE: u16 = 1;
    pub(crate) const UNIT: u16 = 2;
    pub(crate) const BURST: u16 = 3;
}

pub(super) mod log {
    pub(crate) const PREFIX: u16 = 2;
}

pub(super) mod counter {
    pub(crate) const BYTES: u16 = 1;
    pub(crate) const PACKETS: u16 = 2;
}

/// `NFT_REG_VERDICT`.
pub(super) const REGISTER_VERDICT: u32 = 0;
/// `NFT_REG_1`: 16 bytes, the only one that our rules need.
pub(super) const REGISTER: u32 = 1;
/// `NFT_REG32_00`: the first four bytes of the same; those that follow it are numbered on.
pub(super) const REGISTER_WORD: u32 = 8;
