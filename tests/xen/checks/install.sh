# Our program takes the place of Xen's scripts; the stock ones are kept aside.
scripts=/etc/xen/scripts
install -m755 /mnt/host/dom0net /usr/sbin/dom0net
check "the static program runs in dom0" dom0net --version
stock_scripts() { (cd $scripts && find . -type f -exec sha256sum {} + | sort -k 2); }
stock_scripts >/tmp/stock-before
check "dom0net install-scripts" dom0net install-scripts
for script in vif-bridge vif-route network-bridge network-route network-nat; do
  check "$script is our program" same /usr/sbin/dom0net readlink -f $scripts/$script
done

# The guests' initial ramdisk gets our frame sender: a kernel takes several archives in a row.
mkdir -p /tmp/ramdisk/bin
install -m755 /mnt/host/programs/send_frame /tmp/ramdisk/bin/send_frame
(cd /tmp/ramdisk && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) | cat /lab/boot/initrd.img - >/tmp/initrd.img
