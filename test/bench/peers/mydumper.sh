#!/bin/bash
# mydumper with compression, into a folder on the host. usage: mydumper.sh backup|restore SOCKET
set -euo pipefail
case $1 in
  backup)
    mydumper --defaults-file="$BENCH_ADMIN_OPTIONS" --socket="$BENCH_SOCKET" --verbose 1 --threads "$BENCH_PARALLEL" \
      --compress --rows 100000 --trx-consistency-only --triggers --routines --events \
      --regex "^(${BENCH_DATABASES// /|})\." --outputdir "$BENCH_WORK/mydumper"
    ;;
  restore) myloader --socket="$2" --user=root --verbose 1 --threads "$BENCH_PARALLEL" --directory "$BENCH_WORK/mydumper" ;;
esac
