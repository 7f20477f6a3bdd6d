#!/bin/bash
# The recipe that coffre replaces, as it runs on servers today. usage: recipe.sh backup|restore
set -euo pipefail
data=$BENCH_WORK/data export=$BENCH_WORK/export dec=$BENCH_WORK/dec
case $1 in
  backup)
    mkdir -p "$data" "$export" "$dec"
    for database in $BENCH_DATABASES; do
      mariadb-dump --defaults-file="$BENCH_OPTIONS" --socket="$BENCH_SOCKET" --single-transaction "$database" > "$data/$database.sql"
      tar czf "$data/$database.tar.gz" -C "$data" "$database.sql"
      rm "$data/$database.sql"
    done
    tar czf "$export/day.tar.gz" -C "$data" .
    openssl rand -hex 32 > "$dec/key.txt"
    openssl enc -aes-256-cbc -md sha256 -pbkdf2 -salt -pass "file:$dec/key.txt" -in "$export/day.tar.gz" -out "$export/encrypted.dat"
    openssl pkeyutl -encrypt -pubin -inkey "$BENCH_RECIPIENT" -in "$dec/key.txt" -out "$dec/key.enc"
    rm "$dec/key.txt" "$export/day.tar.gz"
    scp -q -F "$BENCH_SSH_CONFIG" "$export/encrypted.dat" "plain:$BENCH_TARGET/"
    ;;
  restore)
    openssl pkeyutl -decrypt -inkey "$BENCH_PRIVATE_KEY" -passin "file:$BENCH_KEY_PASSPHRASE" -in "$dec/key.enc" -out "$dec/key.txt"
    for database in $BENCH_DATABASES; do
      printf 'CREATE DATABASE %s;\nUSE %s;\n' "$database" "$database"
      ssh -F "$BENCH_SSH_CONFIG" plain "cat '$BENCH_TARGET/encrypted.dat'" |
        openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -pass "file:$dec/key.txt" | tar xzO "./$database.tar.gz" | tar xzO
    done
    ;;
esac
