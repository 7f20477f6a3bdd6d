#!/bin/bash
# borg, fed by the dump on its standard input, over SSH into a fresh repository. usage: borg.sh prepare|backup|restore
set -euo pipefail
export BORG_REPO="ssh://offsite$BENCH_TARGET/borg" BORG_RSH="ssh -F $BENCH_SSH_CONFIG"
export BORG_PASSCOMMAND="cat $BENCH_PASSPHRASE" BORG_BASE_DIR=$BENCH_WORK/borg
case $1 in
  prepare) borg init --encryption=repokey ;;
  backup)
    mariadb-dump --defaults-file="$BENCH_OPTIONS" --socket="$BENCH_SOCKET" \
      --single-transaction --routines --events --databases $BENCH_DATABASES |
      borg create --compression lz4 --stdin-name dump.sql ::night -
    ;;
  restore) borg extract --stdout ::night ;;
esac
