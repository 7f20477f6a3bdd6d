/** How the path of every upload begins. */
export const UPLOADS = '/var/tmp/coffre-upload.';

const HEAD = `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
umask 077
# A process and its start, by which it is told from a later one of the same id: proc(5), fields 22 and 4.
process() {
  stat=
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
  name=\${stat#*(} name=\${name%)*}
  set -- "$1" \${stat##*) }
  echo "$1 \${21} $3 $name"
}
`;

/**
 * Makes a private folder for an upload and prints its path. In it stands by which connection it was made: the process of
 * sshd, or of dropbear, that is nearest above.
 */
export const UPLOAD_FOLDER_SCRIPT = `${HEAD}
folder=$(mktemp -d ${UPLOADS}XXXXXXXX) || exit
id=$PPID
while [ "\${id:-0}" -gt 1 ]; do
  set -- $(process "$id")
  case \${4-} in sshd*|dropbear*) echo "$1 $2" >"$folder/connection"; break ;; esac
  id=\${3-}
done
echo "$folder"
`;

/**
 * Removes what control could not remove any more: uploads whose connection is gone, or on which nothing has arrived for two minutes,
 * after which control has given up; and any that is two hours old. Those from which a process runs stay, and so do
 * others' uploads.
 */
export const SWEEP_UPLOADS_SCRIPT = `${HEAD}
find /var/tmp -maxdepth 1 -type d -user "$(id -un)" -name 'coffre-upload.*' 2>/dev/null </dev/null |
while read -r folder; do
  name=\${folder##*.}
  case $name in ''|*[!A-Za-z0-9]*) continue ;; esac
  grep -qs "coffre-upload[.]$name/" /proc/[0-9]*/cmdline </dev/null
  case $? in 0|127) continue ;; esac # there is one, or no grep
  was=
  read -r was 2>/dev/null <"$folder/connection" || was=
  set -- $(process "\${was%% *}")
  if [ -n "$was" ] && [ "$was" != "\${1-} \${2-}" ] \\
    || [ -n "$(find "$folder/release.tar.gz" -mmin +1 2>/dev/null </dev/null)" ] \\
    || [ -n "$(find "$folder" -maxdepth 0 -mmin +120 2>/dev/null </dev/null)" ]
  then rm -rf "$folder" </dev/null
  fi
done
`;
