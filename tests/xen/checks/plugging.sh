# Interfaces come and go while guests run, and guests start anew.
gone() { absent ip link show "$1" && absent grep -q "chain $2" <(nft list ruleset); }

web=$(xl domid web)
check "xl network-attach" xl network-attach web mac=00:16:3e:27:96:01 bridge=xenbr0 ip=10.0.0.12 vifname=web-2
check "the new interface is connected and guarded" eventually 20 same "web-2 connected true" \
  bash -c "dom0net show --json | jq -r '.domains[] | select(.name == \"web\").vifs[] | select(.devid == 1) | \"\\(.device) \\(.state) \\(.guard.in_force)\"'"
check "the guest can use it" lab-exec web \
  'ip link set eth1 up && ip addr add 10.0.0.12/32 dev eth1 && ip route add 10.0.0.254/32 dev eth1 src 10.0.0.12 && ping -c 2 -W 10 10.0.0.254; s=$?; ip addr flush dev eth1; exit $s'
check "xl network-detach" xl network-detach web 1
check "device and guard are gone" gone web-2 "vif$web.1"
check "xenstore has forgotten it" absent xenstore-exists "/local/domain/0/backend/vif/$web/1"
check "the guest's other interface works on" answered web 10.0.0.254

rhel4=$(xl domid rhel4)
lab-exec rhel4 '(sleep 3; reboot -f) >/dev/null 2>&1 &'
# Its next life shall not be taken for up by what the console of this one has said.
rm -f /var/log/xen/console/guest-rhel4.log
reborn() { local now; now=$(xl domid rhel4 2>/dev/null) && [ "$now" != "$rhel4" ]; }
check "a guest that reboots comes back as another domain" eventually 60 reborn
check "it comes up" lab_ready rhel4
check "its interface is connected" eventually 20 same connected vif rhel4 .state
check "and guarded" same true vif rhel4 .guard.in_force
check "device and guard of its former life are gone" gone "vif$rhel4.0" "vif$rhel4.0"
check "it reaches guests, host and gateway" answered rhel4 10.0.0.2 10.0.0.250 10.0.0.254 2001:db8::2 2001:db8::fe

db=$(xl domid db)
check "xl destroy" xl destroy db
check "its device and guard are gone" eventually 20 gone "vif$db.0" "vif$db.0"
check "xenstore has forgotten it" absent xenstore-exists "/local/domain/0/backend/vif/$db"
