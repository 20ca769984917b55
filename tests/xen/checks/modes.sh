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

# A guest that knows nothing, behind a network that gives it all: an address, the way out and names, by the distribution's dnsmasq.
echo 'nameserver 10.0.0.254' >/etc/resolv.conf
in_wire dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --pid-file= --bind-interfaces --interface=eth0 --except-interface=lo \
  --address=/gateway.example/10.0.0.254 >/tmp/names.log 2>&1 & names=$!
check "network-nat start, with DHCP" $scripts/network-nat start bridge=nat1 subnet=10.2.0.0/24 dhcp=yes
check "xl network-attach, to the network with DHCP" xl network-attach web mac=00:16:3e:27:96:23 bridge=nat1 ip=10.2.0.77
lab-exec web 'printf "%s\n" "#!/bin/sh" "[ \$1 = bound ] || exit 0" "set >/tmp/lease" \
  "ip addr add \$ip/\$mask dev \$interface" "ip route add 10.0.0.254/32 via \$router dev \$interface src \$ip" >/tmp/leased; chmod +x /tmp/leased'
check "the guest gets a lease" second_in web 'udhcpc -i eth1 -q -n -t 10 -T 3 -s /tmp/leased'
check "it is the address of its configuration" lab-exec web "ip -o addr show dev eth1 | grep -q 'inet 10.2.0.77/24 '"
check "with the way out, and the server of names" lab-exec web "grep -q \"router='10.2.0.1'\" /tmp/lease && grep -q \"dns='10.2.0.1'\" /tmp/lease"
check "it reaches the gateway, as the host" lab-exec web 'ping -c 2 -W 10 10.0.0.254'
check "it finds out a name of the outside" lab-exec web 'nslookup gateway.example 10.2.0.1 >/tmp/found; cat /tmp/found; grep -q 10.0.0.254 /tmp/found'
check "and that of a guest" lab-exec web 'nslookup web 10.2.0.1 >/tmp/found; cat /tmp/found; grep -q 10.2.0.77 /tmp/found'
# It may make up an IPv6 address besides, which its configuration does not give it.
check "nothing of this was dropped" same 0 vif web 1 '.guard.dropped | [.arp, .dhcp, ."ipv4-source"] | add // 0'
check "xl network-detach, from the network with DHCP" xl network-detach web 1
check "nothing is reserved any more" eventually 20 silent find /run/dom0net/dnsmasq/nat1/hosts /run/dom0net/vifs -type f ! -name lock
check "network-nat stop, with DHCP" $scripts/network-nat stop bridge=nat1
kill $names
check "the kernel's settings are as before" same "$before" forwarding
