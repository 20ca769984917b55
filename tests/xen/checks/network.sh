# The host: eth0 is its card. At the other end of the cable, in a namespace, there is the gateway.
modprobe virtio_net
eventually 20 ip link show eth1 || ip -br link
ip netns add wire
ip link set eth1 netns wire
in_wire ip link set eth1 name eth0
in_wire ip link set lo up
in_wire ip addr add 10.0.0.254/24 dev eth0
in_wire ip addr add 2001:db8::fe/64 dev eth0 nodad
in_wire ip link set eth0 up
ip addr add 10.0.0.250/24 dev eth0
ip addr add 10.0.0.251/24 dev eth0 label eth0:1
ip addr add 2001:db8::fa/64 dev eth0
ip link set eth0 up
ip route add default via 10.0.0.254
ip route add 198.51.100.0/24 via 10.0.0.254 metric 50 mtu 1400
eventually 15 ip route get 2001:db8::fe
ip route add default via 2001:db8::fe
settled() { ! ip -6 addr show | grep -q tentative; }

# host_state: what stop must bring back. Names and addresses, not numbers that change by themselves.
host_state() {
  ip -d -j link | jq -S 'map(del(.ifindex_peer, .stats, .stats64))'
  ip -d -j addr | jq -S 'map(del(.stats, .stats64))'
  for family in -4 -6; do ip -d -j "$family" route show table all | jq -S 'sort_by(tojson)'; done
  nft list ruleset
}

check "the host reaches its gateway over IPv4" ping -c 2 -W 10 10.0.0.254
check "the host reaches its gateway over IPv6" ping -c 2 -W 10 2001:db8::fe
check "the host's addresses are settled" eventually 10 settled

modprobe mac80211_hwsim radios=1
eventually 10 ip link show wlan0
refused "a wireless card" 'wlan0 is wireless' $scripts/network-bridge start netdev=wlan0 bridge=xenbr9
modprobe -r mac80211_hwsim
host_state >/tmp/host-before

# Somebody keeps asking while the network is started and stopped.
start_asking() {
  ip netns exec wire ping -i 0.2 10.0.0.250 >/tmp/asked4 2>&1 & asked4=$!
  ip netns exec wire ping -i 0.2 2001:db8::fa >/tmp/asked6 2>&1 & asked6=$!
  eventually 15 grep -q 'time=' /tmp/asked4; eventually 15 grep -q 'time=' /tmp/asked6
}
stop_asking() { sleep 1; kill -INT $asked4 $asked6; wait $asked4 $asked6; }
# hardly_lost FILE: no more than one answer is missing, apart from the last two: those may be on their way when asking
# ends. While the kernel makes a card a bridge's port, or no port any more, it drops what comes in; that is one call of
# it, which takes microseconds, but ten to twenty milliseconds under the emulator.
hardly_lost() {
  awk 'match($0, /icmp_seq=[0-9]+/) { answers++; last = substr($0, RSTART + 9, RLENGTH - 9) }
    / packets transmitted/ { exit !(answers > 5 && last - answers <= 1 && $1 - last <= 2) }' "$1" || { cat "$1"; return 1; }
}

start_asking
check "network-bridge start" $scripts/network-bridge start netdev=eth0
stop_asking
check "the host answers over IPv4 meanwhile" hardly_lost /tmp/asked4
check "the host answers over IPv6 meanwhile" hardly_lost /tmp/asked6
ip addr >/tmp/started
check "to start what stands is no error" $scripts/network-bridge start netdev=eth0
check "and changes nothing" diff /tmp/started <(ip addr)

check "the bridge has the host's addresses" same $'10.0.0.250/24\n10.0.0.251/24\n2001:db8::fa/64' \
  bash -c "ip -o addr show dev xenbr0 scope global | awk '{print \$4}'"
check "labels follow the bridge's name" grep -q 'xenbr0:1' <(ip addr show dev xenbr0)
check "the card has no addresses any more" silent ip -o addr show dev eth0
check "the bridge has the default routes" \
  same $'default via 10.0.0.254\ndefault via 2001:db8::fe' \
  bash -c "{ ip route show default dev xenbr0; ip -6 route show default dev xenbr0; } | cut -d' ' -f1-3"
check "other routes come along with their attributes" same "10.0.0.254 1400" \
  bash -c "ip -j route show 198.51.100.0/24 dev xenbr0 | jq -r '.[0] | \"\\(.gateway) \\(.metrics[0].mtu)\"'"
check "the card is the bridge's port" same xenbr0 bash -c "ip -j link show eth0 | jq -r '.[0].master'"
check "the host still reaches its gateway" ping -c 1 -W 10 10.0.0.254
check "show knows the bridge as ours" same "true eth0" show '.bridges[] | select(.name == "xenbr0") | "\(.ours) \(.uplinks[0])"'
