#!/bin/sh
# Starts a verb of the release in whose folder this file stands, with the Node that came along, or with the host's.
# It uses nothing but the shell, because PATH may be anything; and every path is the real one, so that a switch to
# another release changes nothing under the feet of a verb that runs.
set -u
unset NODE_OPTIONS NODE_PATH CDPATH
# A core dump would hold the passphrase of the run.
ulimit -c 0
export COFFRE_COMMAND=coffre

fail() {
  printf 'error: cannot run coffre: %s\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

# ^20.19.0 || ^22.18.0 || >=24
suits() {
  version=
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  case $version/$major.$minor in *-* | */.* | *. | */*[!0-9.]*) return 1 ;; esac
  [ "$major" -ge 24 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 18 ]; } || { [ "$major" -eq 20 ] && [ "$minor" -ge 19 ]; }
}

# `sh coffre` gives a name without a folder, and a link to this file is not the file.
self=$0
case $self in */*) ;; *) [ -f "$self" ] && self=./$self || self=$(command -v -- "$self") ;; esac
[ -L "$self" ] && self=$(PATH=/usr/bin:/bin readlink -f -- "$self")
here=$(cd -P -- "${self%/*}/" 2>/dev/null && pwd -P) && [ -f "$here/release.json" ] ||
  fail "its release cannot be found beside $0" 'call it by its path, such as: /opt/coffre/current/coffre'

verb=${1-}
case $verb in
  '' | -h | --help | help)
    printf 'usage: coffre <verb> [...]\n\nverbs:\n'
    for file in "$here"/verbs/*.mjs; do
      file=${file##*/}
      printf '  %s\n' "${file%.mjs}"
    done
    printf '\nhelp for one of them: coffre <verb> --help\n'
    [ -n "$verb" ] && exit 0
    exit 2
    ;;
  --version)
    printf '%s\n' '@VERSION@'
    exit 0
    ;;
  *[!a-z-]* | -*) fail "there is no verb of that name" 'coffre --help' ;;
esac
[ -f "$here/verbs/$verb.mjs" ] || fail "there is no verb $verb" 'coffre --help'
shift

# Bulk data is buffers of some hundred kilobytes that one thread of Node takes and another gives back. Left to itself the
# C library keeps a heap for each thread, and of each whatever was ever needed of it: up to 30 MB more.
start() {
  node=$1
  shift
  MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
  export MALLOC_ARENA_MAX MALLOC_TRIM_THRESHOLD_
  exec "$node" --max-semi-space-size=1 --disable-warning=ExperimentalWarning "$here/verbs/$verb.mjs" "$@"
}

# What was checked when it was built needs no check at every start.
[ -x "$here/runtime/bin/node" ] && start "$here/runtime/bin/node" "$@"

unsuitable=
candidate() {
  [ -f "$1" ] && [ -x "$1" ] || return 1
  suits "$1" && return 0
  case $unsuitable in *" $1 ("*) ;; *) unsuitable="$unsuitable $1 (${version:-it does not run})" ;; esac
  return 1
}

# The one that was found when this release was installed, then those of PATH, then the usual places.
candidate "$here/node" && start "$here/node" "$@"
rest=${PATH-}:/usr/local/bin:/usr/bin
while [ -n "$rest" ]; do
  folder=${rest%%:*}
  rest=${rest#"$folder"}
  rest=${rest#:}
  # A folder that is not absolute would be another one in every working folder.
  case $folder in /*) candidate "$folder/node" && start "$folder/node" "$@" ;; esac
done

again='provision this host again: where there is no suitable Node, the release brings one along'
[ -n "$unsuitable" ] && fail "it needs Node 20.19, 22.18, or 24 and later, and there is only$unsuitable" "$again"
fail 'it needs Node, and there is none' "$again"
