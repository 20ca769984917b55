# Three guests from configurations as people write them.
boot="kernel = '/lab/boot/vmlinux'
ramdisk = '/tmp/initrd.img'
memory = 192
vcpus = 1
on_reboot = 'restart'"
arguments() { echo "console=hvc0 quiet panic=5 mitigations=off lab.gw=10.0.0.254 lab.ip=10.0.0.$1/24,2001:db8::$1/64"; }

# In xm's form, as in examples/rhel4: without a bridge, with two addresses.
cat >/tmp/rhel4 <<CONFIG
#  -*- mode: python; -*-
name = "rhel4"
$boot
extra = "$(arguments 1)"
vif = [ "mac=00:16:3e:27:95:c0,ip=10.0.0.1 2001:db8::1" ]
CONFIG
# In xl's form, as in examples/web.cfg, with a name for the interface.
cat >/tmp/web.cfg <<CONFIG
name = "web"
type = "pv"
$boot
extra = "$(arguments 2)"
vif = [ "mac=00:16:3e:27:95:c1,bridge=xenbr0,ip=10.0.0.2 2001:db8::2,vifname=web" ]
CONFIG
cat >/tmp/db.cfg <<CONFIG
name = "db"
type = "pvh"
$boot
extra = "$(arguments 3)"
vif = [ "mac=00:16:3e:27:95:c2,bridge=xenbr0,ip=10.0.0.3 2001:db8::3,script=vif-bridge" ]
CONFIG
guests="rhel4 web db"
check "xl creates a guest from xm's form, without a bridge" xl create -q /tmp/rhel4
check "xl creates a guest with a vifname" xl create -q /tmp/web.cfg
check "xl creates a guest that names its script" xl create -q /tmp/db.cfg
for guest in $guests; do check "$guest comes up" lab_ready $guest; done
check "two are paravirtualised, one runs in hardware's protection" same "pv pv pvh" \
  echo $(for guest in $guests; do xl list -l $guest | jq -r '.[0].config.c_info.type'; done)

check "the kernel's name is kept, or the vifname given" same "vif$(xl domid rhel4).0 web vif$(xl domid db).0" \
  echo "$(vif rhel4 .device)" "$(vif web .device)" "$(vif db .device)"
for guest in $guests; do
  check "$guest: hotplug-status is connected" same connected node $guest 0 hotplug-status
  check "$guest: netback is connected" eventually 20 same connected vif $guest .state
  check "$guest: the device is a port of xenbr0" same xenbr0 vif $guest .bridge
  check "$guest: the guard is in force" same true vif $guest .guard.in_force
  place=$(vif $guest .guard.place) device=$(vif $guest .device)
  check "$guest: nft sees a guard on its device that drops what nobody accepts" grep -q \
    "hook ingress device \"\?$device\"\? priority -500; policy drop;" \
    <(nft list chain netdev "${place%/*}" "${place#*/}")
  check "$guest: the bridge takes no other MAC address from it" same "true false" \
    bash -c "bridge -d -j link show dev $device | jq -r '.[0] | \"\\(.locked) \\(.learning)\"'"
done

# answered NAME ADDRESS...: all of them answer pings from the guest
answered() {
  local guest=$1; shift
  lab-exec "$guest" "bad=0; for a in $*; do ping -c 1 -W 10 \$a >/tmp/p 2>&1 || { echo \$a; cat /tmp/p; bad=1; }; done; exit \$bad"
}
check "rhel4 reaches guests, host and gateway over IPv4" answered rhel4 10.0.0.2 10.0.0.3 10.0.0.250 10.0.0.254
check "rhel4 reaches guests, host and gateway over IPv6" answered rhel4 2001:db8::2 2001:db8::3 2001:db8::fa 2001:db8::fe
check "web reaches guests, host and gateway" \
  answered web 10.0.0.1 10.0.0.3 10.0.0.250 10.0.0.254 2001:db8::1 2001:db8::3 2001:db8::fa 2001:db8::fe
check "db reaches guests, host and gateway" \
  answered db 10.0.0.1 10.0.0.2 10.0.0.250 10.0.0.254 2001:db8::1 2001:db8::2 2001:db8::fa 2001:db8::fe
check "the gateway reaches the guests" in_wire bash -c \
  'for a in 10.0.0.{1,2,3} 2001:db8::{1,2,3}; do ping -c 1 -W 10 $a || exit 1; done'
check "nothing that a guest sent of its own was dropped" same "0 0 0" \
  echo $(for guest in $guests; do vif $guest '[.guard.dropped[]] | add // 0'; done)
check "the drawing shows the guests" grep -q web <(dom0net show --drawing)
