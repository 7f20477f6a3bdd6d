#!/bin/bash
# What else loads a dump into a server. usage: load.sh prepare|restore sql|pipeline|myloader [SOCKET]
# `prepare` makes the dump that is loaded; all of it is on the disk, as a sealed run is for coffre.
set -euo pipefail
dump() {
  mariadb-dump --defaults-file="$BENCH_OPTIONS" --socket="$BENCH_SOCKET" --single-transaction --routines --events \
    --databases $BENCH_DATABASES
}
key=(-aes-256-cbc -md sha256 -pbkdf2 -pass "file:$BENCH_PASSPHRASE")
client() { mariadb --no-defaults --user=root --socket="$1" --max-allowed-packet=1G; }
mkdir -p "$BENCH_WORK"
case $1-$2 in
  prepare-sql) dump > "$BENCH_WORK/dump.sql" ;;
  restore-sql) client "$3" < "$BENCH_WORK/dump.sql" ;;
  prepare-pipeline) dump | igzip -3 -c | openssl enc "${key[@]}" -out "$BENCH_WORK/dump.sql.gz.enc" ;;
  restore-pipeline) openssl enc -d "${key[@]}" -in "$BENCH_WORK/dump.sql.gz.enc" | gzip -dc | client "$3" ;;
  prepare-myloader)
    mydumper --defaults-file="$BENCH_ADMIN_OPTIONS" --socket="$BENCH_SOCKET" --verbose 1 --threads "$BENCH_THREADS" \
      --rows 100000 --trx-consistency-only --triggers --routines --events \
      --regex "^(${BENCH_DATABASES// /|})\." --outputdir "$BENCH_WORK/mydumper"
    ;;
  restore-myloader)
    myloader --socket="$3" --user=root --verbose 1 --threads "$BENCH_THREADS" --directory "$BENCH_WORK/mydumper"
    ;;
esac
