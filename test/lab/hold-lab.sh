#!/bin/sh
# PID 1 of a lab's own PID, mount and network namespaces: when it ends, every host of the lab ends with it, and all
# mounts and links of the lab vanish.
#
# Says "held", then reads its standard input. When that ends, because whoever started the lab is gone, however it
# went, the lab ends. After the line "keep" it stays until it is killed.
set -eu
mount -t proc -o nosuid,nodev,noexec proc /proc
[ ! -e /proc/sys/net/ipv6/conf/all/disable_ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
ip link set lo up
ip link add coffre0 type bridge
ip link set coffre0 up
echo held
exec >/dev/null 2>&1
read -r word || exit 0
[ "$word" = keep ] || exit 0
exec </dev/null
while :; do
  sleep 2147483647 &
  wait $!
done
