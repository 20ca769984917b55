# What cannot be: xl fails, the guest is not there, and the reason is told in one sentence.
config() { # NAME VIF
  printf '%s\n' "name = '$1'" "$boot" "vif = [ '$2' ]" >/tmp/refused.cfg
  echo /tmp/refused.cfg
}
try() { xl create "$(config "$@")"; }
nothing_left() { absent xl domid "$1" && ! xenstore-ls -f /local/domain/0/backend/vif | grep -q "$2"; }

refused "a bridge that is not there fails xl create, with our sentence" \
  'there is no bridge nobr0 for vif[0-9]+\.0; name one that exists with bridge= \(xenbr0\)' \
  try bridgeless mac=00:16:3e:27:96:02,bridge=nobr0
check "nothing is left of that guest" nothing_left bridgeless nobr0
refused "an address that is none fails xl create, with our sentence" \
  'ip="10.0.0.300" cannot be: it is neither an IP address' try addressless mac=00:16:3e:27:96:03,ip=10.0.0.300
refused "a vifname that is too long fails xl create, with our sentence" \
  'vifname="much-too-long-a-name" cannot be' try nameless mac=00:16:3e:27:96:04,vifname=much-too-long-a-name
refused "a vifname that is in use fails xl create, with our sentence" 'web' try twin mac=00:16:3e:27:96:05,vifname=web
check "the guest that has that name keeps its guard" same true vif web .guard.in_force
check "and its network" answered web 10.0.0.254

# A running guest keeps what xl wrote of an interface that could not be plugged, until it is detached.
xl network-attach web mac=00:16:3e:27:96:06 bridge=nobr0 >/tmp/attach 2>&1
check "xl network-attach fails too" test $? != 0
check "hotplug-status says error" same error node web 1 hotplug-status
check "hotplug-error says why" grep -q 'there is no bridge nobr0' <(node web 1 hotplug-error)
check "show says why" grep -q 'there is no bridge nobr0' <(dom0net show)
check "xl network-detach cleans up" xl network-detach web 1
check "nothing is left of it" gone "vif$(xl domid web).1" "vif$(xl domid web).1"
