# The host gets back what it had.
refused "the network is not stopped under guests" 'guests are still on xenbr0 \(.*web.*\)' $scripts/network-bridge stop
check "the bridge is still there" ip link show xenbr0
for guest in rhel4 web; do check "xl destroy $guest" xl destroy $guest; done
no_vifs() { ! ip -br link | grep -qE '^(vif|web)'; }
check "no guest's device is left" eventually 20 no_vifs

start_asking
check "network-bridge stop" $scripts/network-bridge stop
stop_asking
check "the host answers over IPv4 meanwhile" hardly_lost /tmp/asked4
check "the host answers over IPv6 meanwhile" hardly_lost /tmp/asked6
host_state >/tmp/host-after
check "links, addresses, routes and rules are as before" diff /tmp/host-before /tmp/host-after
check "to stop what does not stand is no error" $scripts/network-bridge stop
check "no record is left" silent find /run/dom0net -type f ! -name "*lock"

check "dom0net install-scripts --uninstall" dom0net install-scripts --uninstall
check "Xen's own scripts are there again" diff /tmp/stock-before <(stock_scripts)
