#!/bin/bash
# restic, fed by the dump on its standard input, over SFTP into a fresh repository. usage: restic.sh prepare|backup|restore
set -euo pipefail
export RESTIC_REPOSITORY="sftp:offsite:$BENCH_TARGET/restic" RESTIC_PASSWORD_FILE=$BENCH_PASSPHRASE
export RESTIC_CACHE_DIR=$BENCH_WORK/restic
restic() { command restic -q -o "sftp.command=ssh -F $BENCH_SSH_CONFIG offsite -s sftp" "$@"; }
case $1 in
  prepare) restic init ;;
  backup)
    mariadb-dump --defaults-file="$BENCH_OPTIONS" --socket="$BENCH_SOCKET" \
      --single-transaction --routines --events --databases $BENCH_DATABASES |
      restic backup --stdin --stdin-filename dump.sql
    ;;
  restore) restic dump latest dump.sql ;;
esac
