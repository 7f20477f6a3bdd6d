#!/bin/bash
# The best that a good engineer writes in an afternoon: every database a pipeline of its own, several at a time, nothing
# on the disk of the host. usage: pipeline.sh backup|restore igzip|zstd
set -euo pipefail
dump() {
  mariadb-dump --defaults-file="$BENCH_OPTIONS" --socket="$BENCH_SOCKET" \
    --single-transaction --routines --events --databases "$1"
}
compress() { case $BENCH_COMPRESSOR in igzip) igzip -3 -c ;; zstd) zstd -3 -q -c ;; esac }
expand() { case $BENCH_COMPRESSOR in igzip) igzip -d -c ;; zstd) zstd -d -q -c ;; esac }
backup_one() {
  set -euo pipefail
  local file="'$BENCH_TARGET/$1.sql.enc'"
  dump "$1" | compress | openssl enc -aes-256-cbc -md sha256 -pbkdf2 -pass "file:$BENCH_PASSPHRASE" |
    ssh -F "$BENCH_SSH_CONFIG" offsite "cat > $file && sync $file"
}
export -f dump compress backup_one
export BENCH_COMPRESSOR=$2
case $1 in
  backup) printf '%s\n' $BENCH_DATABASES | xargs -P "$BENCH_PARALLEL" -I{} bash -c 'backup_one {}' ;;
  restore)
    for database in $BENCH_DATABASES; do
      ssh -F "$BENCH_SSH_CONFIG" offsite "cat '$BENCH_TARGET/$database.sql.enc'" |
        openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -pass "file:$BENCH_PASSPHRASE" | expand
    done
    ;;
esac
