# A root file system on the network, over the card that becomes a bridge's uplink: NBD, NFS and iSCSI, each with the kernel's
# own client. Our program runs from there, with that as its root, while somebody keeps reading from there past all caches.
modprobe -a virtio_net nbd nfs nfsv4 nfsd iscsi_tcp sd_mod
eventually 20 ip link show eth1
ip netns add storage
ip link set eth1 netns storage
there() { ip netns exec storage "$@"; }
there ip link set eth1 name eth0
there ip link set lo up
there ip addr add 10.0.0.254/24 dev eth0
there ip link set eth0 up
ip addr add 10.0.0.250/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.0.254
check "the storage can be reached" eventually 20 ping -c 1 -W 2 10.0.0.254

# What is served: our program, and something to read. With a journal each would write by itself.
mkdir -p /tmp/storage/{tree,nfs,nbd,iscsi,etc}
mkdir -p /tmp/storage/tree/{proc,sys,run,dev}
cp /usr/sbin/dom0net /tmp/storage/tree/
dd if=/dev/urandom of=/tmp/storage/tree/data bs=1M count=4 status=none
for disk in nbd iscsi; do
  truncate -s 32M /tmp/storage/$disk.img
  mkfs.ext4 -q -O ^has_journal -d /tmp/storage/tree /tmp/storage/$disk.img
done

# from_root FOLDER WORDS...: our program, with this root
from_root() {
  local folder=$1; shift
  DOM0NET_RUNTIME_DIR=/run/storage chroot "$folder" /dom0net network-bridge "$@"
}

# begin_reading FOLDER, end_reading: somebody reads from there all the time, past the caches; each pass must succeed
begin_reading() {
  rm -f /tmp/storage/stop; : >/tmp/storage/passes
  while [ ! -e /tmp/storage/stop ]; do
    dd if="$1/data" of=/dev/null bs=64k count=4 iflag=direct status=none && echo read || echo failed
    sleep 0.05
  done >>/tmp/storage/passes 2>&1 & reader=$!
  eventually 20 grep -q read /tmp/storage/passes
}
end_reading() { sleep 1; touch /tmp/storage/stop; wait $reader; }
all_read() {
  [ "$(grep -c read /tmp/storage/passes)" -ge 3 ] && ! grep -qv read /tmp/storage/passes || { tail -n 5 /tmp/storage/passes; return 1; }
}
# connections PORT: the two ends of each connection to the storage, which must stay the same
connections() { ss -Htn state established "dport = :$1" | awk '{print $3, $4}' | sort; }

# on_storage WORD FOLDER PORT NAME: all that is checked of one kind
on_storage() {
  local kind=$1 folder=$2 port=$3 name=$4 before
  for what in proc sys run dev; do
    # What goes away here stays there: namespaces, for one.
    mount --rbind --make-rslave /$what "$folder/$what"
  done
  refused "root on $kind: what would take the card down is refused" "the root file system is on $name, over eth0" \
    from_root "$folder" start netdev=eth0 bridge=eth0 layout=bridge-is-eth0
  before=$(connections "$port")
  begin_reading "$folder"
  check "root on $kind: network-bridge start" from_root "$folder" start netdev=eth0 bridge=xenbr0
  check "root on $kind: the card is the bridge's port" same xenbr0 bash -c "ip -j link show eth0 | jq -r '.[0].master'"
  sleep 1
  check "root on $kind: network-bridge stop" from_root "$folder" stop bridge=xenbr0
  end_reading
  check "root on $kind: all could be read meanwhile" all_read
  check "root on $kind: over the same connection" same "$before" connections "$port"
  check "root on $kind: which there is" [ -n "$before" ]
  for what in dev run sys proc; do umount -l "$folder/$what"; done
  umount "$folder"
}

there nbd-server 10809 /tmp/storage/nbd.img -C /dev/null >/tmp/storage/nbd.log 2>&1
check "a disk over NBD" eventually 20 nbd-client 10.0.0.254 10809 /dev/nbd0
if mount /dev/nbd0 /tmp/storage/nbd; then
  on_storage NBD /tmp/storage/nbd 10809 "a network block device"
  nbd-client -d /dev/nbd0 >/dev/null 2>&1
fi

# A server of its own, in its namespace, of version 4 alone: that needs no port mapper. It waits for clients of an earlier life
# before it serves any.
serve_nfs() {
  there bash -c 'mount -t nfsd nfsd /proc/fs/nfsd && mkdir -p /var/lib/nfs/v4recovery &&
    for time in lease grace; do echo 10 >/proc/fs/nfsd/nfsv4${time}time; done &&
    echo "/tmp/storage/tree *(ro,fsid=0,no_root_squash,no_subtree_check,insecure)" >/etc/exports &&
    rpc.mountd --no-nfs-version 3 && exportfs -r && rpc.nfsd --no-nfs-version 3 1'
}
check "an NFS server" serve_nfs
check "its files" mount -t nfs -o vers=4.2,ro,soft,timeo=600 10.0.0.254:/ /tmp/storage/nfs
if mountpoint -q /tmp/storage/nfs; then on_storage NFS /tmp/storage/nfs 2049 NFS; fi
there rpc.nfsd 0; pkill -x rpc.mountd

# A target of iSCSI in user space.
serve_iscsi() {
  there tgtd && sleep 1 &&
    there tgtadm --lld iscsi --op new --mode target --tid 1 -T iqn.2000-01.test:root &&
    there tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b /tmp/storage/iscsi.img &&
    there tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL
}
check "an iSCSI target" serve_iscsi
mkdir -p /run/lock/iscsi; echo "InitiatorName=iqn.2000-01.test:dom0" >/etc/iscsi/initiatorname.iscsi
iscsid
login() { iscsiadm -m discovery -t sendtargets -p 10.0.0.254 && iscsiadm -m node --login; }
check "its disk" login
disk() { disk=$(ls -d /sys/class/iscsi_session/session*/device/target*/*/block/* 2>/dev/null | head -1); [ -n "$disk" ]; }
if check "its disk is there" eventually 20 disk && disk && mknod /tmp/storage/disk b $(tr : ' ' <"$disk/dev") &&
  mount /tmp/storage/disk /tmp/storage/iscsi; then
  on_storage iSCSI /tmp/storage/iscsi 3260 iSCSI
fi
iscsiadm -m node --logout >/dev/null 2>&1
pkill -x iscsid; pkill -x tgtd; pkill -x nbd-server

ip addr flush dev eth0
ip netns del storage
