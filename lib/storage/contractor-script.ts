/**
 * The one program that runs as root on the contractor's server. Fixed text: every value comes as an argument or on
 * standard input. One at a time, under a lock. Where it ends early, `<rules>.before` says that sshd may not have read
 * the rules yet. Exit codes: 3 nothing there, 4 refused with a sentence on standard error.
 */
export const CONTRACTOR_SCRIPT = `
set -eu
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
refuse() { printf '%s\\n' "$1" >&2; exit 4; }
exec 9>/run/coffre-contractor.lock
flock -w 60 9 || refuse 'another one is at work on this server'
durably() { # durably FILE: puts FILE.partial in its place
  chown root:root "$1.partial"; chmod 0644 "$1.partial"; sync "$1.partial"; mv -f "$1.partial" "$1"; sync "$(dirname "$1")"
}
settings() { sshd -T "$@" | LC_ALL=C sort; }
reload() {
  if [ -d /run/systemd/system ]; then
    for unit in ssh sshd; do
      if systemctl --quiet is-active "$unit.service"; then systemctl reload "$unit.service"; return; fi
    done
  fi
  pidfile=$(sshd -T -C user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22 | sed -n 's/^pidfile //p')
  if [ -s "$pidfile" ]; then kill -HUP "$(cat "$pidfile")"; fi # one that is started for each connection needs none
}
verb=$1
shift
case $verb in
account) # NAME
  getent passwd -- "$1" || exit 3
  ;;
folder) # PATH: kind, owner, mode
  [ -e "$1" ] || [ -L "$1" ] || exit 3
  stat -L -c '%F:%U:%a' -- "$1"
  ;;
file) # PATH: owner, mode, the mark of an unfinished change; then what is in it
  [ -e "$1" ] || exit 3
  if [ -e "$1.before" ]; then mark=unfinished; else mark=done; fi
  stat -c "%F:%U:%a:$mark" -- "$1"
  cat -- "$1"
  ;;
make-account) # OPTIONS NAME
  useradd "$@"
  ;;
make-folder) # PATH MODE OWNER
  [ -d "$1" ] || mkdir -m 0700 -- "$1"
  chown -- "$3:" "$1"
  chmod -- "$2" "$1"
  sync "$(dirname "$1")"
  ;;
keys) # PATH TAG LINE: LINE instead of every line that ends with the word TAG
  { if [ -e "$1" ]; then tag=$2 awk '$NF != ENVIRON["tag"]' "$1"; fi; printf '%s\\n' "$3"; } > "$1.partial"
  durably "$1"
  ;;
rules) # PATH USER CHROOT ADMIN, the content on standard input
  path=$1 user=$2 chroot=$3 admin=$4
  main=/etc/ssh/sshd_config
  who() { printf 'user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22' "$1"; }
  sshd -t || refuse 'its sshd_config is wrong already'
  trial=$(mktemp)
  trap 'rm -f "$trial" "$path.partial"' EXIT
  trap 'exit 1' HUP INT TERM
  cat > "$path.partial"
  printf 'Include %s\\nInclude %s\\n' "$path.partial" "$main" > "$trial"
  sshd -t -f "$trial" || refuse 'its sshd does not accept the rules'
  for other in "$admin" root; do
    [ "$(settings -C "$(who "$other")")" = "$(settings -f "$trial" -C "$(who "$other")")" ] \\
      || refuse "the rules would change how $other logs in"
  done
  [ -e "$path.before" ] || if [ -e "$path" ]; then cp -p "$path" "$path.before"; else : > "$path.before"; fi
  durably "$path"
  back() {
    if [ -s "$path.before" ]; then mv -f "$path.before" "$path"; else rm -f "$path" "$path.before"; fi
    sync "$(dirname "$path")"
    refuse "$1"
  }
  sshd -t || back 'its sshd does not accept the rules where they belong'
  sshd -T -C "$(who "$user")" | grep -qxF "chrootdirectory $chroot" \\
    || back "its sshd_config does not include $path, or another Match block comes first"
  reload || back 'its sshd cannot be reloaded'
  rm -f "$path.before"
  ;;
*) refuse 'no such verb' ;;
esac
`;
