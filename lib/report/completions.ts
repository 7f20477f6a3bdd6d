/** What of a task can be completed. */
export interface Completable {
  readonly verb: string;
  /** Words of its own that come first, such as `new` and `list`. */
  readonly words: readonly string[];
  /** Whether names of hosts stand behind it. */
  readonly takesHosts: boolean;
  readonly options: readonly { readonly name: string; readonly value: string | undefined; readonly about: string }[];
}

export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script for a shell to read: it completes `coffre <verb> …`, and `npx zx tasks/<verb>.ts …` in a checkout. */
export function completionScript(shell: Shell, tasks: readonly Completable[]): string {
  return shell === 'bash' ? bashScript(tasks) : zshScript(tasks);
}

/** How a value is completed: by the paths there are, by the folders, by the hosts of the inventory, or not at all. */
function kindOf(value: string | undefined): 'none' | 'file' | 'folder' | 'host' | 'free' {
  if (value === undefined) return 'none';
  if (/^DIR$/.test(value)) return 'folder';
  if (/FILE|PATH|PLACE|FOLDER/.test(value)) return 'file';
  return value === 'HOST' ? 'host' : 'free';
}

/** Names of hosts and of drillers, from the inventory that is named on the line, or the one of the checkout. */
const HOSTS = `_coffre_hosts() {
  local folder=inventory word before=
  [ -d .quickstart/inventory ] && folder=.quickstart/inventory
  for word in "$@"; do
    [ "$before" = --inventory ] && folder=$word
    before=$word
  done
  for word in hosts drillers; do
    [ -d "$folder/$word" ] && find "$folder/$word" -name '*.yaml' -exec basename {} .yaml ';'
  done
}`;

function bashScript(tasks: readonly Completable[]): string {
  const cases = tasks.map(({ verb, words, takesHosts, options }) => {
    const names = (kind: string) =>
      options.filter(({ value }) => kindOf(value) === kind).map(({ name }) => `--${name}`);
    const first = words.length > 0 ? `words='${words.join(' ')}'; ` : '';
    const flags = options.map(({ name }) => `--${name}`).join(' ');
    const lists = ['file', 'folder', 'host', 'free'].map((kind) => `${kind}s=' ${names(kind).join(' ')} '`).join('; ');
    return `    ${verb}) ${first}takes_hosts=${takesHosts ? 1 : 0}; flags='${flags}'; ${lists} ;;`;
  });
  return `# bash completion of coffre, for coffre and for npx zx tasks/<verb>.ts
${HOSTS}
_coffre() {
  local verb at=1 current=\${COMP_WORDS[COMP_CWORD]} before= words= takes_hosts=0 flags= files= folders= hosts= frees=
  COMPREPLY=()
  if [ "\${COMP_WORDS[0]##*/}" = npx ]; then
    at=2
    if [ "\${COMP_WORDS[1]}" != zx ] || [ "$COMP_CWORD" -lt 2 ]; then
      COMPREPLY=($(compgen -f -- "$current"))
      return
    fi
  fi
  if [ "$COMP_CWORD" -eq "$at" ]; then
    if [ "$at" -eq 2 ]; then
      COMPREPLY=($(compgen -W '${tasks.map(({ verb }) => `tasks/${verb}.ts`).join(' ')}' -- "$current"))
    else
      COMPREPLY=($(compgen -W '${tasks.map(({ verb }) => verb).join(' ')}' -- "$current"))
    fi
    return
  fi
  verb=\${COMP_WORDS[at]##*/}
  before=\${COMP_WORDS[COMP_CWORD - 1]}
  case \${verb%.ts} in
${cases.join('\n')}
    *) return ;;
  esac
  case $files in *" $before "*) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
  case $folders in *" $before "*) COMPREPLY=($(compgen -d -- "$current")); return ;; esac
  case $hosts in *" $before "*) COMPREPLY=($(compgen -W "$(_coffre_hosts "\${COMP_WORDS[@]}")" -- "$current")); return ;; esac
  case $frees in *" $before "*) return ;; esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")); return ;;
  esac
  if [ -n "$words" ] && [ "$COMP_CWORD" -eq "$((at + 1))" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [ "$takes_hosts" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$(_coffre_hosts "\${COMP_WORDS[@]}")" -- "$current"))
  fi
}
complete -o filenames -F _coffre coffre
complete -o filenames -o bashdefault -o default -F _coffre npx
`;
}

/** As zsh wants it: what it shows beside an option is what --help says of it. */
function zshScript(tasks: readonly Completable[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const about = (text: string) => text.replace(/[[\]:\\]/g, '\\$&');
  const actions = { file: ':file:_files', folder: ':folder:_files -/', host: ':host:_coffre_names', free: ': : ' };
  const cases = tasks.map(({ verb, words, takesHosts, options }) => {
    const specs = options.map(({ name, value, about: text }) => {
      const kind = kindOf(value);
      return quoted(`*--${name}[${about(text)}]${kind === 'none' ? '' : actions[kind]}`);
    });
    const first = words.length > 0 ? [quoted(`1:what:(${words.join(' ')})`)] : [];
    const rest = takesHosts ? [quoted('*:host:_coffre_names')] : [];
    return `    ${verb}) _arguments ${[...specs, ...first, ...rest].join(' ')} ;;`;
  });
  const verbs = tasks.map(({ verb }) => verb).join(' ');
  return `#compdef coffre
# zsh completion of coffre, for coffre and for npx zx tasks/<verb>.ts
${HOSTS}
_coffre_names() { compadd -- \${(f)"$(_coffre_hosts $words)"} }
_coffre_verb() {
  local verb=\${\${words[1]:t}%.ts}
  case $verb in
${cases.join('\n')}
  esac
}
_coffre() {
  if (( CURRENT == 2 )); then
    compadd -- ${verbs}
  else
    shift words
    (( CURRENT-- ))
    _coffre_verb
  fi
}
_coffre_npx() {
  if [[ $words[2] != zx ]] || (( CURRENT < 3 )); then
    _default
  elif (( CURRENT == 3 )); then
    compadd -- ${tasks.map(({ verb }) => `tasks/${verb}.ts`).join(' ')}
  else
    shift 2 words
    (( CURRENT -= 2 ))
    _coffre_verb
  fi
}
compdef _coffre coffre
compdef _coffre_npx npx
`;
}
