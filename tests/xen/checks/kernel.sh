# Our own packet tests, on this kernel. Their output is counted where we come from.
# Not openvswitch: with it, the kernel keeps fragments back until the rest of them comes, and our guards never see them.
modprobe -a 8021q bonding dummy veth ifb macvlan tun br_netfilter
# They find the program, the examples and each other where they were built.
root=$(cat /mnt/host/root) built=$(cat /mnt/host/built)
mkdir -p "$root/crates" "$built/deps" "$built/examples"
cp -r /mnt/host/examples "$root/"
ln -s /usr/sbin/dom0net "$built/dom0net"
install -m755 /mnt/host/programs/* "$built/examples"
# A tenth of the frames that are tried elsewhere: each takes ten times as long.
export GUARD_FRAMES=10000
# And a packet each 20 milliseconds where there is one each millisecond elsewhere.
export TRAFFIC_PACE=20
# How much slower this machine is than one that does nothing else, where a program starts in 40 ms.
begun=${EPOCHREALTIME/./}
for _ in {1..10}; do dom0net --version >/dev/null; done
slowness=$(((${EPOCHREALTIME/./} - begun) / 400000)); [ $slowness -ge 1 ] || slowness=1
# Each comes with its arguments, in lines, and the seconds that it may take.
for folder in "/mnt/host/${share:-tests}"/*/; do
  name=$(basename "$folder")
  ! late || { echo late >"/mnt/out/$name.status"; continue; }
  crate=$root/crates/$(cat "$folder/crate")
  mapfile -t arguments <"$folder/arguments"
  mkdir -p "$crate"
  install -m755 "$folder/test" "$built/deps/$name"
  limit=$(($(cat "$folder/limit") * slowness)) left=$(($(cat /mnt/host/end) - SECONDS))
  begun=$(lab_now)
  (cd "$crate" && DOM0NET_SKIP_LOG=/tmp/skips timeout -k 5 $((limit < left ? limit : left)) "$built/deps/$name" "${arguments[@]}") \
    >/tmp/test.out 2>/tmp/test.err
  status=$?
  # The emulator may be slower than it should be.
  [ $status != 124 ] || status=late
  echo $status >/tmp/test.status
  for ending in out err status; do cp /tmp/test.$ending "/mnt/out/$name.$ending"; done
  [ ! -e /tmp/skips ] || mv /tmp/skips "/mnt/out/$name.skips"
  rm "$built/deps/$name"
  echo "# $name: $(lab_since "$begun") s"
done
