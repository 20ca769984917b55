# Bonds as uplinks, and VLANs on them, in namespaces of their own: the kernels of build machines seldom have the module.
modprobe -a bonding veth 8021q
rm -rf /tmp/uplinks; mkdir /tmp/uplinks
here_() { ip netns exec uplinks env DOM0NET_RUNTIME_DIR=/tmp/uplinks/run DOM0NET_STATE_DIR=/tmp/uplinks/state "$@"; }
far() { ip netns exec far "$@"; }
ip netns add uplinks; ip netns add far
ip -n far link add br0 type bridge
ip -n far addr add 10.9.0.254/24 dev br0
for card in 0 1; do
  ip -n uplinks link add card$card type veth peer name far$card
  ip -n uplinks link set far$card netns far
  ip -n far link set far$card master br0 up
done
ip -n far link set br0 up
ip -n far link add link br0 name br0.7 type vlan id 7
ip -n far addr add 10.9.7.254/24 dev br0.7
ip -n far link set br0.7 up
ip -n uplinks link set lo up
ip -n uplinks link add bond0 type bond mode active-backup miimon 100
for card in 0 1; do ip -n uplinks link set card$card master bond0; done
ip -n uplinks addr add 10.9.0.250/24 dev bond0
ip -n uplinks link set bond0 up
ip -n uplinks route add default via 10.9.0.254
ip -n uplinks link add link bond0 name bond0.7 type vlan id 7
ip -n uplinks addr add 10.9.7.250/24 dev bond0.7
ip -n uplinks link set bond0.7 up

# Which of the cards is in use, and what they have been through, is the bond's affair.
uplinks_state() {
  here_ ip -d -j link | jq -S 'map(del(.stats, .stats64, .linkinfo.info_slave_data, .linkinfo.info_data.active_slave))'
  here_ ip -j addr | jq -S 'map(del(.stats, .stats64))'
  for family in -4 -6; do here_ ip -d -j $family route show table all | jq -S 'sort_by(tojson)'; done
}
uplinks_settled() { ! here_ ip -6 addr show | grep -q tentative; }
check "the host reaches its gateway over the bond" eventually 20 here_ ping -c 1 -W 2 10.9.0.254
check "and over the VLAN on it" eventually 20 here_ ping -c 1 -W 2 10.9.7.254
check "its addresses are settled" eventually 20 uplinks_settled
uplinks_state >/tmp/uplinks/before

check "network-bridge start, on a bond" here_ $scripts/network-bridge start netdev=bond0 bridge=xenbr0
check "the bond is the bridge's port, and has its cards" same "xenbr0 bond0 bond0" \
  echo $(for device in bond0 card0 card1; do here_ ip -j link show $device | jq -r '.[0].master'; done)
check "the bridge has its address" grep -q 'inet 10.9.0.250/24' <(here_ ip -o addr show dev xenbr0)
check "the host still reaches its gateway" here_ ping -c 2 -W 5 10.9.0.254
check "and over the VLAN" here_ ping -c 2 -W 5 10.9.7.254
active=$(here_ cat /sys/class/net/bond0/bonding/active_slave)
far ip link set "far${active#card}" down
check "when a card fails, the other takes over" eventually 20 here_ ping -c 1 -W 1 10.9.0.254
check "it is another card now" absent same "$active" here_ cat /sys/class/net/bond0/bonding/active_slave
far ip link set "far${active#card}" up
check "network-bridge start, on the VLAN of the bond" here_ $scripts/network-bridge start netdev=bond0.7 bridge=xenbr7
check "the VLAN's bridge has its address" grep -q 'inet 10.9.7.250/24' <(here_ ip -o addr show dev xenbr7)
check "the host reaches the VLAN's gateway" here_ ping -c 2 -W 5 10.9.7.254
check "network-bridge stop, on the VLAN of the bond" here_ $scripts/network-bridge stop netdev=bond0.7 bridge=xenbr7
check "network-bridge stop, on a bond" here_ $scripts/network-bridge stop netdev=bond0 bridge=xenbr0
check "the host reaches its gateways as before" here_ bash -c 'ping -c 2 -W 5 10.9.0.254 && ping -c 2 -W 5 10.9.7.254'
uplinks_same() { uplinks_state >/tmp/uplinks/after; diff /tmp/uplinks/before /tmp/uplinks/after; }
check "links, addresses and routes are as before" eventually 20 uplinks_same
ip netns del uplinks; ip netns del far
