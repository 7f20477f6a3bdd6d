import type { Steps } from './finding.ts';

/**
 * A host without a fault, whose values stand in for those that do not fit: so the rules can judge the rest of a host at
 * once, instead of when its form is mended. What a rule says of a stand-in is not passed on.
 */
const FAULTLESS: unknown = {
  ssh: { address: 'stand-in', port: 22, user: 'root', hostKey: 'ssh-ed25519 AAAA' },
  database: { socket: '/stand-in/socket', account: { user: 'stand-in', from: 'localhost' }, exclude: [] },
  schedule: '0 4 * * *',
  timezone: 'UTC',
  graceHours: 6,
  store: { path: '/stand-in/store', mount: 'none' },
  export: { path: '/stand-in/export' },
  keys: { path: '/stand-in/keys' },
  state: { path: '/stand-in/state' },
  secrets: { path: '/stand-in/secrets' },
  recipients: ['company', 'escrow'],
  offsite: [
    {
      name: 'stand-in',
      kind: 'sftp',
      address: 'stand-in',
      port: 22,
      user: 'root',
      path: '/stand-in',
      hostKey: 'ssh-ed25519 AAAA',
      verify: 'auto',
    },
  ],
  audit: { kind: 'git', remote: '/stand-in', branch: 'main' },
  notify: [],
};

/** Of the same, for a host that publishes to GitHub. */
const FAULTLESS_GITHUB: unknown = {
  audit: {
    kind: 'github',
    repository: 'stand/in',
    branch: 'main',
    api: 'https://api.github.com',
    app: { id: 1, installation: 1 },
  },
};

/** `host` with a value that fits at `steps`; without the key, where there is no such key. */
export function withStandIn(host: unknown, steps: Steps): unknown {
  const [first, second] = steps;
  // What goes with a kind that is none is not known either.
  if (first === 'audit' && second === 'kind') return replace(host, FAULTLESS, [first]);
  return replace(host, first === 'audit' && isForGitHub(host) ? FAULTLESS_GITHUB : FAULTLESS, steps);
}

function isForGitHub(host: unknown): boolean {
  return isMap(host) && isMap(host.audit) && host.audit.kind === 'github';
}

function replace(value: unknown, model: unknown, [step, ...rest]: Steps): unknown {
  if (step === undefined) return model;
  if (Array.isArray(value)) {
    const item: unknown = Array.isArray(model) ? model[0] : undefined;
    const replaced = value.map((each: unknown, index) => (index === step ? replace(each, item, rest) : each));
    return replaced.filter((each) => each !== undefined);
  }
  const map = isMap(value) ? value : {};
  const next = replace(map[step], isMap(model) ? model[step] : undefined, rest);
  const { [step]: _, ...others } = map;
  return next === undefined ? others : { ...others, [step]: next };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
