# Other ways out than a bridge with the card: the host as a router, and guests that go out as the host.
second_in() { # GUEST COMMAND: in the guest, once its second interface is connected
  eventually 20 same connected vif "$1" 1 .state && lab-exec "$1" "ip link set eth1 up && $2"
}
forwarding() { sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.xenbr0.proxy_arp; }
before=$(forwarding)

check "network-route start" $scripts/network-route start netdev=xenbr0
check "xl network-attach, with vif-route" xl network-attach web mac=00:16:3e:27:96:21 script=vif-route ip=10.0.0.40
check "the interface is on no bridge" same null vif web 1 .bridge
check "it is guarded" same true vif web 1 .guard.in_force
check "the guest reaches the gateway through the host" second_in web \
  'ip addr add 10.0.0.40/32 dev eth1 && ip route add 10.0.0.254/32 dev eth1 src 10.0.0.40 && ping -c 2 -W 10 10.0.0.254'
check "the gateway reaches the guest, which the host answers for" in_wire ping -c 2 -W 10 10.0.0.40
ip netns exec wire tcpdump -Z root -n -U --immediate-mode -i eth0 -w /tmp/recorded-routed >/tmp/recorded-routed.log 2>&1 & recorder=$!
eventually 10 grep -q 'listening on' /tmp/recorded-routed.log
lab-exec web 'ip addr add 10.0.0.78/32 dev eth1; ping -c 2 -W 1 -I 10.0.0.78 10.0.0.254; ip addr del 10.0.0.78/32 dev eth1' >/dev/null 2>&1
check "the guard counts what claims another address there" at_least 1 vif web 1 '.guard.dropped["ipv4-source"] // 0'
sleep 0.5; kill $recorder
check "none of it is on the wire" silent recorded routed 'host 10.0.0.78'
check "xl network-detach, with vif-route" xl network-detach web 1
check "device and guard are gone" eventually 20 gone "vif$(xl domid web).1" "vif$(xl domid web).1"
check "so is the route to the guest" silent ip route show 10.0.0.40
check "network-route stop" $scripts/network-route stop
check "the kernel's settings are as before" same "$before" forwarding

check "network-nat start" $scripts/network-nat start bridge=nat0 subnet=10.1.0.0/24
check "xl network-attach, to the network with a name" xl network-attach web mac=00:16:3e:27:96:22 bridge=nat0 ip=10.1.0.2
ip netns exec wire tcpdump -Z root -n -U --immediate-mode -i eth0 -w /tmp/recorded-nat >/tmp/recorded-nat.log 2>&1 & recorder=$!
eventually 10 grep -q 'listening on' /tmp/recorded-nat.log
check "the guest reaches the gateway" second_in web \
  'ip addr add 10.1.0.2/24 dev eth1 && ip route add 10.0.0.254/32 via 10.1.0.1 dev eth1 && ping -c 2 -W 10 -s 334 10.0.0.254'
sleep 0.5; kill $recorder
check "it goes out as the host" grep -q . <(recorded nat 'ip src 10.0.0.250 and ip[2:2] = 362')
check "its own address is not on the wire" silent recorded nat 'host 10.1.0.2'
check "xl network-detach, from the network with a name" xl network-detach web 1
check "network-nat stop" $scripts/network-nat stop bridge=nat0
check "the kernel's settings are as before" same "$before" forwarding
