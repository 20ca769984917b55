# db claims to be others: with the commands that anybody in a guest has, and with frames of its own making. What reaches
# the wire, the host and the other guests is recorded there.
rhel4_mac=00:16:3e:27:95:c0 web_mac=00:16:3e:27:95:c1 db_mac=00:16:3e:27:95:c2
everyone=ff:ff:ff:ff:ff:ff
db_local=fe8000000000000002163efffe2795c2

# record PLACE DEVICE DIRECTION [COMMAND...]: until the end of this part
recorders=
record() {
  local file=/tmp/recorded-$1 device=$2 direction=$3; shift 3
  "$@" tcpdump -Z root -n -U --immediate-mode -i "$device" -Q "$direction" -w "$file" 2>"$file.log" &
  recorders+=" $!"
  eventually 10 grep -q 'listening on' "$file.log" || cat "$file.log"
}
places="wire host rhel4 web"
record wire eth0 in ip netns exec wire
record host xenbr0 in
record rhel4 "$(vif rhel4 .device)" out
record web web out
recorded() { tcpdump -n -e -r "/tmp/recorded-$1" "$2" 2>/dev/null; }

# The control: what is db's own is seen there, in pings of a length that nothing else has.
lab-exec db 'ping -c 2 -W 10 -s 333 10.0.0.254; ping -c 1 -W 10 -s 333 10.0.0.2; ping -6 -c 2 -W 10 -s 333 2001:db8::fe' >/tmp/control 2>&1

# An address that is nobody's, and then rhel4's, as the guest's own.
lab-exec db '
  ip addr add 10.0.0.77/24 dev eth0; ip addr add 10.0.0.1/32 dev lo; ip -6 addr add 2001:db8::77/64 dev eth0; sleep 3
  ping -c 2 -W 1 -s 333 -I 10.0.0.77 10.0.0.254
  ping -c 2 -W 1 -s 333 -I 10.0.0.77 10.0.0.2
  ping -c 1 -W 1 -s 333 -I 10.0.0.77 10.0.0.99
  ping -6 -c 2 -W 1 -s 333 -I 2001:db8::77 2001:db8::fe
  arping -c 2 -w 3 -U -I eth0 -s 10.0.0.1 10.0.0.1
  ip addr del 10.0.0.77/24 dev eth0; ip addr del 10.0.0.1/32 dev lo; ip -6 addr del 2001:db8::77/64 dev eth0' >/tmp/claims 2>&1

# Frames that no program would send.
forged_reply=$(arp 2 $db_mac 10.0.0.1 $web_mac 10.0.0.2)
advertisement=$(icmpv6 "$(ip6 3)" "$(ip6 2)" 255 "8800000060000000$(ip6 1)0201$(mac $db_mac)")
frames=(
  "$(frame $web_mac $db_mac 0806 "$forged_reply")"
  "$(frame $web_mac $db_mac 81000000 "0806$forged_reply")"
  "$(frame $web_mac $db_mac 88a80005 "0806$forged_reply")"
  "$(frame 01:80:c2:00:00:0e $db_mac 88cc "$(printf '02%.0s' {1..60})")"
  "$(frame 01:80:c2:00:00:00 $db_mac 0026 "424203$(printf '00%.0s' {1..50})")"
  "$(frame $everyone $db_mac 0800 "$(ipv4 10.0.0.3 255.255.255.255 11 "$(udp 67 68)")")"
  "$(frame $web_mac $db_mac 0800 "$(ipv4 10.0.0.1 10.0.0.2 11 "$(udp 5000 5001)")")"
  "$(frame 33:33:00:00:00:01 $db_mac 86dd "$(icmpv6 $db_local ff020000000000000000000000000001 255 86000000400007080000000000000000)")"
  "$(frame $web_mac $db_mac 86dd "$advertisement")"
  "$(frame $web_mac $db_mac 86dd "$(icmpv6 "$(ip6 1)" "$(ip6 2)" 64 8000000000010001)")"
  "$(frame $everyone $rhel4_mac 0800 "$(ipv4 10.0.0.1 10.0.0.255 11 "$(udp 5000 5001)")")"
)
check "db sends ${#frames[@]} forged frames" lab-exec db "send_frame eth0 ${frames[*]}"

# Another's MAC address, as the guest's own.
lab-exec db "ip link set eth0 down; ip link set eth0 address $web_mac; ip link set eth0 up; sleep 3
  ping -c 2 -W 1 -s 333 10.0.0.254" >/tmp/claims-mac 2>&1
sleep 1
kill $recorders; wait $recorders 2>/dev/null

seen() { recorded "$1" "$2" >/tmp/seen; [ -s /tmp/seen ] || { cat "/tmp/recorded-$1.log"; cat /tmp/control; return 1; }; }
check "the control: db's own packets are seen on the wire" seen wire 'ip src 10.0.0.3 and ip[2:2] = 361'
check "the control: over IPv6 too" seen wire 'ip6 src 2001:db8::3 and ip6[4:2] = 341'
check "the control: db's own packets are seen by another guest" seen web 'ip src 10.0.0.3 and ip[2:2] = 361'

own='(ip src 10.0.0.3 or (arp and arp[14:4] = 0x0a000003) or ip6 src 2001:db8::3 or ip6 src fe80::216:3eff:fe27:95c2 or ip6 src ::)'
claims="ether src $db_mac and not $own
ether src $web_mac and (ip src 10.0.0.3 or arp[14:4] = 0x0a000003 or ip6 src 2001:db8::3)
host 10.0.0.77 or ip6 host 2001:db8::77
udp src port 67 or udp port 5001
icmp6 and ip6[40] = 134
vlan or ether proto 0x88cc
arp and ether src $db_mac and arp[14:4] = 0x0a000001"
no_claims() {
  local claim found=0
  while read -r claim; do
    recorded "$1" "$claim" >/tmp/found
    [ ! -s /tmp/found ] || { found=1; echo "$claim:"; cat /tmp/found; }
  done <<<"$claims"
  return $found
}
for place in $places; do check "nothing that db forged reaches: $place" no_claims $place; done

at_least() { local number=$1; shift; local found; found=$("$@"); [ "$found" -ge "$number" ] || { echo "$found, of at least $number"; dom0net show; return 1; }; }
counted() { check "the guard counts what it dropped as: $2" at_least "$1" dropped db "$2"; }
counted 3 arp
counted 3 ipv4-source
counted 2 ipv6-source
counted 4 ethertype
counted 1 dhcp
counted 1 router
counted 1 neighbour
counted 3 mac
check "nothing is held against the others" same "0 0" echo $(for guest in rhel4 web; do vif $guest '[.guard.dropped[]] | add // 0'; done)

check "the bridge still has web's MAC address at web" same web \
  bash -c "bridge -j fdb show br xenbr0 | jq -r '.[] | select(.mac == \"$web_mac\" and .master == \"xenbr0\").ifname' | sort -u"
check "web's neighbour entry for rhel4 is right" lab-exec web \
  "ping -c 1 -W 10 10.0.0.1 >/dev/null; ip neigh show 10.0.0.1 | grep $rhel4_mac"
check "web and rhel4 still reach each other" answered web 10.0.0.1 2001:db8::1
