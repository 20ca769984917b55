//! What holds for all guests of a network, when there are none any more. What fails here does no harm: rules about nobody.

use crate::guard::{Network, NetworkGuard, NetworkPolicy, RoutedBy};
use crate::plan::{Device, Kernel};

/// Takes away what held for the guests of a bridge that is gone.
pub(super) fn forget_bridge(kernel: &mut Kernel, bridge: Device) {
    forget(kernel, Network::Bridge { name: bridge.name, index: bridge.index });
}

/// Takes away what holds for guests that a script leads to, where there are none.
pub(super) fn forget_routed(kernel: &mut Kernel) {
    let Ok(links) = kernel.route.links() else { return };
    for network in RoutedBy::ALL.map(Network::Routed) {
        if !links.iter().any(|link| network.has(link.group)) {
            forget(kernel, network);
        }
    }
}

fn forget(kernel: &mut Kernel, network: Network) {
    let guard = NetworkGuard::of(network);
    let _ = kernel.filter().and_then(|filter| guard.install(filter, &NetworkPolicy::default(), None));
}
