//! The keys of a vif specification.

/// Keys that both xm and xl know.
const COMMON: [&str; 10] =
    ["mac", "bridge", "script", "ip", "backend", "vifname", "type", "model", "rate", "accel"];

/// Keys that only xm knows, for its security modules.
const XM_ONLY: [&str; 2] = ["policy", "label"];

/// Keys that only xl knows.
const XL_ONLY: [&str; 6] = ["gatewaydev", "netdev", "mtu", "devid", "vlan", "forwarddev"];

/// Words that xl takes without a value.
pub(super) const FLAGS: [&str; 2] = ["trusted", "untrusted"];

/// Keys of elements that xend writes into SXP, or once read from there.
const SXP_ONLY: [&str; 8] =
    ["uuid", "devid", "id", "vnet", "be_mac", "security_label", "script_args", "protocol"];

/// The keys of the COLO proxy, without their common prefix. xl copies them to the backend under their own names.
const COLO: [&str; 48] = [
    "sock_mirror_id",
    "sock_mirror_ip",
    "sock_mirror_port",
    "sock_compare_pri_in_id",
    "sock_compare_pri_in_ip",
    "sock_compare_pri_in_port",
    "sock_compare_sec_in_id",
    "sock_compare_sec_in_ip",
    "sock_compare_sec_in_port",
    "sock_compare_notify_id",
    "sock_compare_notify_ip",
    "sock_compare_notify_port",
    "sock_redirector0_id",
    "sock_redirector0_ip",
    "sock_redirector0_port",
    "sock_redirector1_id",
    "sock_redirector1_ip",
    "sock_redirector1_port",
    "sock_redirector2_id",
    "sock_redirector2_ip",
    "sock_redirector2_port",
    "filter_mirror_queue",
    "filter_mirror_outdev",
    "filter_redirector0_queue",
    "filter_redirector0_indev",
    "filter_redirector0_outdev",
    "filter_redirector1_queue",
    "filter_redirector1_indev",
    "filter_redirector1_outdev",
    "compare_pri_in",
    "compare_sec_in",
    "compare_out",
    "compare_notify_dev",
    "sock_sec_redirector0_id",
    "sock_sec_redirector0_ip",
    "sock_sec_redirector0_port",
    "sock_sec_redirector1_id",
    "sock_sec_redirector1_ip",
    "sock_sec_redirector1_port",
    "filter_sec_redirector0_queue",
    "filter_sec_redirector0_indev",
    "filter_sec_redirector0_outdev",
    "filter_sec_redirector1_queue",
    "filter_sec_redirector1_indev",
    "filter_sec_redirector1_outdev",
    "filter_sec_rewriter0_queue",
    "checkpoint_host",
    "checkpoint_port",
];

/// Whether a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    Known,
    /// Only the other toolstack knows it.
    Other,
    Unknown,
}

fn is_colo(key: &str) -> bool {
    key.strip_prefix("colo_").is_some_and(|rest| COLO.contains(&rest))
}

pub(super) fn for_xl(key: &str) -> Knowledge {
    if COMMON.contains(&key) || XL_ONLY.contains(&key) || is_colo(key) {
        Knowledge::Known
    } else if XM_ONLY.contains(&key) || key == "be_mac" {
        Knowledge::Other
    } else {
        Knowledge::Unknown
    }
}

pub(super) fn for_xm(key: &str) -> Knowledge {
    if COMMON.contains(&key) || XM_ONLY.contains(&key) || key == "be_mac" {
        Knowledge::Known
    } else if XL_ONLY.contains(&key) || FLAGS.contains(&key) || is_colo(key) {
        Knowledge::Other
    } else {
        Knowledge::Unknown
    }
}

pub(super) fn for_sxp(key: &str) -> Knowledge {
    if SXP_ONLY.contains(&key) { Knowledge::Known } else { for_xm(key) }
}

/// True for keys that this crate gives no meaning, and passes on as they are.
pub(super) fn is_passed_on(key: &str) -> bool {
    is_colo(key) || key == "forwarddev"
}

/// All keys but those of COLO, for "did you mean".
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    COMMON.into_iter().chain(XL_ONLY).chain(FLAGS).chain(XM_ONLY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_toolstack_knows_its_own_keys() {
        assert_eq!(for_xl("colo_checkpoint_port"), Knowledge::Known);
        assert_eq!(for_xl("colo_nonsense"), Knowledge::Unknown);
        assert_eq!(for_xl("policy"), Knowledge::Other);
        assert_eq!(for_xm("mtu"), Knowledge::Other);
        assert_eq!(for_xm("rate"), Knowledge::Known);
        assert_eq!(for_sxp("uuid"), Knowledge::Known);
    }
}
