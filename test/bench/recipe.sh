#!/bin/bash
# The recipe that coffre replaces, as it runs on servers today: what the benchmark compares with.
# usage: recipe.sh OPTION-FILE SOCKET WORK-FOLDER PUBLIC-KEY SCP-PORT SCP-IDENTITY SCP-KNOWN-HOSTS USER TARGET-FOLDER DATABASE…
set -euo pipefail
options=$1 socket=$2 work=$3 public=$4 port=$5 identity=$6 known=$7 user=$8 target=$9
shift 9
mkdir -p "$work/data" "$work/export" "$work/dec"
for database in "$@"; do
  mariadb-dump --defaults-file="$options" --socket="$socket" --single-transaction "$database" > "$work/data/$database.sql"
  tar czf "$work/data/$database.tar.gz" -C "$work/data" "$database.sql"
  rm "$work/data/$database.sql"
done
tar czf "$work/export/day.tar.gz" -C "$work/data" .
openssl rand -hex 32 > "$work/dec/key.txt"
openssl enc -aes-256-cbc -md sha256 -pbkdf2 -salt -pass "file:$work/dec/key.txt" -in "$work/export/day.tar.gz" -out "$work/export/encrypted.dat"
openssl pkeyutl -encrypt -pubin -inkey "$public" -in "$work/dec/key.txt" -out "$work/dec/key.enc"
rm "$work/dec/key.txt" "$work/export/day.tar.gz"
scp -q -P "$port" -i "$identity" -o UserKnownHostsFile="$known" -o StrictHostKeyChecking=yes -o BatchMode=yes \
  "$work/export/encrypted.dat" "$user@127.0.0.1:$target/"
