#!/bin/bash
# The server's files, as mariadb-backup copies them. usage: mariadb-backup.sh backup|restore igzip|zstd [FOLDER]
set -euo pipefail
file="'$BENCH_TARGET/server.xb.enc'"
compress() { case $1 in igzip) igzip -3 -c ;; zstd) zstd -3 -q -c ;; esac }
expand() { case $1 in igzip) igzip -d -c ;; zstd) zstd -d -q -c ;; esac }
# It tells every file that it copies: only the end of that is of interest, when it has failed.
quietly() {
  "$@" 2> "$BENCH_WORK/mariadb-backup.log" || { tail -n 5 "$BENCH_WORK/mariadb-backup.log" >&2 && return 1; }
}
mkdir -p "$BENCH_WORK"
case $1 in
  backup)
    quietly mariadb-backup --defaults-file="$BENCH_ADMIN_OPTIONS" --socket="$BENCH_SOCKET" --backup --stream=xbstream \
      --parallel="$BENCH_PARALLEL" --target-dir="$BENCH_WORK/physical" | compress "$2" |
      openssl enc -aes-256-cbc -md sha256 -pbkdf2 -pass "file:$BENCH_PASSPHRASE" |
      ssh -F "$BENCH_SSH_CONFIG" offsite "cat > $file && sync $file"
    ;;
  restore)
    mkdir -p "$3"
    ssh -F "$BENCH_SSH_CONFIG" offsite "cat $file" |
      openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -pass "file:$BENCH_PASSPHRASE" | expand "$2" | mbstream -x -C "$3"
    quietly mariadb-backup --prepare --target-dir="$3"
    ;;
esac
