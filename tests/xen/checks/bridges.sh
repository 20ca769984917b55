# Bridges beside the host's own: on a VLAN of its card, and a private one. The kernels of build machines often lack what they need.
modprobe 8021q; modprobe dummy numdummies=0

# second GUEST NUMBER VIF...: gives the guest another interface, with this address in the guest
second() {
  local guest=$1 address=$2; shift 2
  xl network-attach "$guest" "$@" "ip=$address" || return 1
  eventually 20 same connected vif "$guest" 1 .state || return 1
  lab-exec "$guest" "ip link set eth1 up && ip addr add $address/24 dev eth1"
}

ip link add link eth0 name eth0.5 type vlan id 5
ip link set eth0.5 up
in_wire ip link add link eth0 name eth0.5 type vlan id 5
in_wire ip addr add 10.0.5.254/24 dev eth0.5
in_wire ip link set eth0.5 up
check "network-bridge start, on a VLAN" $scripts/network-bridge start netdev=eth0.5 bridge=xenbr5
check "web gets an interface on the VLAN" second web 10.0.5.2 mac=00:16:3e:27:96:11 bridge=xenbr5
check "web reaches the VLAN's gateway" answered web 10.0.5.254
ip netns exec wire tcpdump -Z root -n -i eth0 -c 1 'vlan 5 and arp or (vlan 5 and src host 10.0.5.2)' >/tmp/tagged 2>&1 & tagged=$!
eventually 10 grep -q 'listening on' /tmp/tagged
answered web 10.0.5.254 >/dev/null
check "its packets bear the tag on the wire" eventually 10 absent kill -0 $tagged
check "web still reaches the gateway outside of the VLAN" answered web 10.0.0.254
check "xl network-detach, on the VLAN" xl network-detach web 1
check "network-bridge stop, on a VLAN" $scripts/network-bridge stop netdev=eth0.5 bridge=xenbr5
ip link del eth0.5
in_wire ip link del eth0.5

ip link add dummy0 type dummy
check "network-bridge start, private" $scripts/network-bridge start netdev=dummy0 bridge=xenbr1
check "rhel4 gets a private interface" second rhel4 192.168.1.1 mac=00:16:3e:27:96:12 bridge=xenbr1
check "web gets a private interface" second web 192.168.1.2 mac=00:16:3e:27:96:13 bridge=xenbr1
check "they reach each other" answered rhel4 192.168.1.2
check "a private network reaches no gateway" absent lab-exec web 'ping -c 1 -W 2 -I eth1 10.0.0.254'
for guest in rhel4 web; do check "xl network-detach, $guest" xl network-detach $guest 1; done
check "network-bridge stop, private" $scripts/network-bridge stop netdev=dummy0 bridge=xenbr1
ip link del dummy0
