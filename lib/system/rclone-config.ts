import { learnSecret } from './known-secrets.ts';

/** What a configuration file of rclone says: by remote, each option as it stands there; passwords only obscured. */
export type RcloneConfig = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Options whose value opens something. Names of files and accounts do not. */
const SECRET =
  /(?:^|_)(?:pass|password|password2|secret|token|key|credentials|auth|bearer_token|sas_url|passphrase)(?:$|_(?!file|path|id|url|command|env))/;
const NO_SECRET =
  /(?:_file|_path|_id|_url|_command|_version|_type|_use_agent)$|^(?:env_auth|auth_url|token_url|key_use_agent|known_hosts_file)$/;
const SHORT = 6;

/** Reads the answer of `rclone config dump`. From now on no secret of it is in any text of this process. */
export function parseRcloneConfig(json: string): RcloneConfig {
  const config = JSON.parse(json) as RcloneConfig;
  for (const remote of Object.values(config)) {
    for (const [name, value] of Object.entries(remote)) {
      if (SECRET.test(name) && !NO_SECRET.test(name)) for (const each of secretsIn(value)) learnSecret(each);
    }
  }
  return config;
}

/** A token is a document, of which each part may stand alone in a message. */
function secretsIn(value: string): string[] {
  const parts = value.startsWith('{') ? [...value.matchAll(/"(?:access|refresh)_token":"([^"]+)"/g)] : [];
  return [value, ...parts.map(([, part = '']) => part)].filter((each) => each.length >= SHORT);
}

/** The remote of that name and those that it is made of, as `crypt` and `chunker` are; undefined where there is none of that name. */
export function remotesBehind(config: RcloneConfig, name: string): RcloneConfig | undefined {
  const found: Record<string, Readonly<Record<string, string>>> = {};
  const visit = (each: string) => {
    const remote = config[each];
    if (!remote || found[each]) return;
    found[each] = remote;
    for (const key of ['remote', 'remotes', 'upstreams']) {
      for (const [, other = ''] of (remote[key] ?? '').matchAll(/([A-Za-z0-9_.+@-]+):/g)) visit(other);
    }
  };
  visit(name);
  return found[name] ? found : undefined;
}
