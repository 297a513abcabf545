#!/bin/busybox sh
# The kernel's first program: loads the drivers, which this kernel has as modules only, and goes
# over to the read-only disk.
b=/bin/busybox
$b mount -t devtmpfs dev /dev
for module in virtio_ring virtio virtio_mmio virtio_blk virtio_console squashfs; do
    $b insmod "/lib/$module.ko" || exec $b reboot -f
done
$b mount -t squashfs -o ro /dev/vda /root || exec $b reboot -f
$b mount --move /dev /root/dev
exec $b switch_root /root /sbin/portcullis-init
