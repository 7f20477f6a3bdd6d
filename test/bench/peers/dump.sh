#!/bin/bash
# mariadb-dump alone, thrown away: one database after another, or several at a time. usage: dump.sh backup PARALLEL
set -euo pipefail
one() {
  mariadb-dump --defaults-file="$BENCH_OPTIONS" --socket="$BENCH_SOCKET" --single-transaction "$1" > /dev/null
}
export -f one
[ "$1" = backup ] || exit 0
printf '%s\n' $BENCH_DATABASES | xargs -P "$2" -I{} bash -c 'one {}'
