#!/bin/sh
# The boot of a lab host: PID 1 of its own PID, mount, network, UTS and IPC namespaces.
#
#   boot-host.sh FOLDER NAME
#
# FOLDER holds upper, work and root, the overlay of the machine's root file system, and disk, which lies beside the
# overlay for what an overlay cannot carry: a GlusterFS brick. Says "booted" and stays until it is killed.
set -eu
folder=$1 name=$2
echo "$name" >/proc/sys/kernel/hostname
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mkdir -p dev disk proc run sys tmp
mount -t proc -o nosuid,nodev,noexec proc proc
[ ! -e /proc/sys/net/ipv6/conf/all/disable_ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
# Root of a host must not turn the machine's own knobs.
for knobs in proc/sys proc/sysrq-trigger; do
  [ -e "$knobs" ] || continue
  mount --bind "$knobs" "$knobs"
  mount -o remount,bind,ro "$knobs"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,nosuid,size=1m tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,nosuid,noexec,mode=620,ptmxmode=666,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
umask 0
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mknod -m 600 dev/fuse c 10 229
umask 022
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mkdir -m 1777 run/lock
mount --bind "$folder/disk" disk
ip link set lo up
pivot_root . .
umount -l .
cd /
echo booted
# Whatever loses its parent becomes a child of this shell, whose wait buries it.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c \
  'exec </dev/null >/dev/null 2>&1; while :; do sleep 2147483647 & wait $!; done'
