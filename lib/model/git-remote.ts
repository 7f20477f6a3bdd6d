/** How a Git remote is reached, and what stands in the way of using it. */
export interface GitRemote {
  /** https: also http to this machine itself, which no network carries. */
  readonly transport: 'ssh' | 'https' | 'file' | 'refused';
  /** Whether a password or a token stands in the address. */
  readonly hasPassword: boolean;
  /** Why the remote is refused; undefined unless it is. */
  readonly fault?: string;
}

/** Reads a remote as git(1) would, and refuses what could run a program or travels without protection. */
export function parseGitRemote(remote: string): GitRemote {
  const refused = (fault: string, hasPassword = false): GitRemote => ({ transport: 'refused', hasPassword, fault });
  if (remote.startsWith('-')) return refused('a remote that begins with a hyphen would be read as an option');
  if (!isPrintable(remote)) return refused('a remote has neither blanks nor control characters');
  if (/^[A-Za-z0-9]+::/.test(remote)) return refused('a remote helper (name::address) can run any program');
  const url = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/]*)/.exec(remote);
  if (url) {
    const [, scheme = '', authority = ''] = url;
    const user = authority.includes('@') ? authority.slice(0, authority.lastIndexOf('@')) : '';
    const host = authority.slice(user === '' ? 0 : user.length + 1);
    if (host.startsWith('-') || user.startsWith('-')) return refused('its host or user begins with a hyphen');
    return byScheme(scheme.toLowerCase(), user, host);
  }
  if (remote.startsWith('/') || remote.startsWith('./') || remote.startsWith('../')) {
    return { transport: 'file', hasPassword: false };
  }
  const scpLike = /^(?:([^@/:]+)@)?(\[[^\]/]+\]|[^/:]+):(.+)$/.exec(remote);
  if (!scpLike) return refused('write an absolute path, an https:// or ssh:// address, or user@server:path');
  if (scpLike[1]?.startsWith('-') || scpLike[2]?.startsWith('-') || scpLike[3]?.startsWith('-')) {
    return refused('its host, user or path begins with a hyphen');
  }
  return { transport: 'ssh', hasPassword: false };

  function byScheme(scheme: string, user: string, host: string): GitRemote {
    const hasPassword = user.includes(':');
    switch (scheme) {
      case 'ssh':
        return { transport: 'ssh', hasPassword };
      case 'https':
        // A token also works as the user name alone, so that no user at all may stand in an https address.
        return { transport: 'https', hasPassword: user !== '' };
      case 'http':
        return /^(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?$/.test(host)
          ? { transport: 'https', hasPassword: user !== '' }
          : refused('http:// travels without protection; taken are ssh://, https:// and file://', user !== '');
      case 'file':
        return { transport: 'file', hasPassword };
      default:
        return refused(`${scheme}:// is not taken; taken are ssh://, https:// and file://`, hasPassword);
    }
  }
}

function isPrintable(text: string): boolean {
  return [...text].every((character) => character > ' ' && character !== '\x7f');
}
