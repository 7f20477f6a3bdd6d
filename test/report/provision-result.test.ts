import t from 'tap';
import { CoffreError } from '../../lib/model/error.ts';
import type { HostOutcome } from '../../lib/model/host-outcome.ts';
import { HostName } from '../../lib/model/names.ts';
import type { Change } from '../../lib/model/plan.ts';
import { ProvisionResult } from '../../lib/model/provision-result.ts';
import { formatProvision, provisionData } from '../../lib/report/provision-result.ts';

type Good = Extract<HostOutcome, { ok: true }>;

const change: Change = { action: 'create', kind: 'key', name: '/etc/coffre/offsite', lines: ['+ed25519'] };
const login = { check: 'login', says: 'it accepts the key', detail: 'no', hint: 'let it in' } as const;
const evil = 'x\n\x1b[2J';

/** A host of that name with `changes`, all of them made where `made`. */
function good(name: string, changes: Change[] = [], more: Partial<Good> = {}, made = true): Good {
  const host = HostName.parse(name);
  const converged = {
    plan: { host, changes, remarks: [] },
    applied: made ? changes : [],
    signingKey: null,
    identities: [{ path: '/etc/coffre/offsite', publicKey: 'ssh-ed25519 AAAA' }],
    proofs: [],
    remarks: [],
    farEnds: [],
  };
  return { host, ok: true, converged, signer: 'present', farEnds: [], farChanges: [], farRemarks: [], ...more };
}

function bad(name: string, error: CoffreError): HostOutcome {
  return { host: HostName.parse(name), ok: false, error };
}

const told = (outcomes: readonly HostOutcome[], check = false, applied = true) =>
  formatProvision(provisionData(outcomes, { check, applied }), 'inventory');

const farEnd = (conditions: Good['farEnds'][number]['conditions'], why: string | null = null) => ({
  ...{ offsite: 'contractor', path: '/backups', identity: '/etc/coffre/offsite', why, conditions },
  side:
    why === null
      ? {
          ...{ user: 'acme', chroot: '/srv/acme', folder: '/srv/acme/backups', rootFolders: [] },
          rules: { path: '/etc/ssh/sshd_config.d/coffre.conf', content: 'Match User acme\n' },
          keys: { path: '/etc/ssh/keys/acme', line: 'restrict ssh-ed25519 AAAA', tag: 'coffre:db1' },
          commands: { before: ['useradd acme'], after: ['sshd -t'] },
        }
      : null,
});

t.test('a line a host, then what each needs of a person', async (t) => {
  const lost = new CoffreError('host-unreachable', 'cannot reach db3', { hint: 'ssh -v db3', findings: ['one'] });
  const remarks = [{ text: 'the clock is slow', hint: 'timedatectl' }];
  const first = good('db1', [change], { signer: 'added' });
  const outcomes = [
    { ...first, converged: { ...first.converged, proofs: ['SELECT: a row was read'], remarks } },
    good('db2'),
    bad('db3', lost),
  ];
  t.equal(
    told(outcomes),
    `host  result                     warnings
db1   1 change made              1
db2   nothing to change          0
db3   FAILED (cannot reach db3)  -
db1: its new key /etc/coffre/offsite has to be let in by whoever it is for: ssh-ed25519 AAAA
db1: SELECT: a row was read
db1: warning: the clock is slow
hint: timedatectl
db3:   one
db3: error: cannot reach db3
db3: hint: ssh -v db3
commit inventory/signers/allowed_signers: it names the signing key of db1 now`,
  );
});

t.test('a plan is told as one', async (t) => {
  t.match(told([good('db1', [change], {}, false)], true, false), /^db1 {3}1 change to make {2}/m);
  const far = good('db1', [], { farChanges: [change] }, false);
  t.match(told([far], true, false), /^db1 {3}1 change to make {2}/m, "those at the contractor's, too");
});

t.test('the exit code is the highest; drift is 2 for a check alone', async (t) => {
  const code = (outcomes: readonly HostOutcome[], check: boolean) =>
    provisionData(outcomes, { check, applied: !check }).exitCode;
  t.equal(code([good('db1'), good('db2')], true), 0);
  t.equal(code([good('db1', [change], {}, false)], true), 2);
  t.equal(code([good('db1', [], { farChanges: [change] }, false)], true), 2);
  const remarked = good('db1');
  const remarks = [{ text: 'the clock is slow', hint: 'timedatectl' }];
  const plan = { ...remarked.converged.plan, remarks };
  const amiss = { ...remarked, converged: { ...remarked.converged, plan, remarks } };
  t.equal(code([amiss], true), 2, 'what a plan cannot mend is drift, too');
  t.equal(code([amiss], false), 0);
  t.equal(code([good('db1', [], { farRemarks: remarks })], true), 2, 'at the contractor, too');
  const advised = remarks.map((remark) => ({ ...remark, advice: true as const }));
  t.equal(code([good('db1', [], { farRemarks: advised })], true), 0, 'what could be better is no drift');
  t.equal(code([good('db1', [change])], false), 0);
  const unreachable = bad('db2', new CoffreError('host-unreachable', 'cannot reach db2'));
  t.equal(code([good('db1', [change], {}, false), unreachable, good('db3')], true), 7);
  t.equal(code([], false), 0);
});

t.test('what keeps the backups from being whole has its exit code, and is in the summary', async (t) => {
  const outcomeOf = (check: boolean, ...outcomes: HostOutcome[]) => {
    const data = provisionData(outcomes, { check, applied: !check });
    return [data.exitCode, formatProvision(data, 'inventory').split('\n')[1]];
  };
  const failing = (check: string, changes: Change[] = [], farChanges: Change[] = []) =>
    good('db1', changes, { farEnds: [farEnd([{ ...login, check, outcome: 'failed' as const }])], farChanges });
  const key = { ...change, name: '/etc/coffre/offsite' };
  const theirs = { ...change, kind: 'file', name: 'contractor: /etc/ssh/authorized_keys/acme' } as const;
  for (const check of ['reach', 'login', 'write']) {
    t.strictSame(
      outcomeOf(false, failing(check)),
      [7, 'db1   nothing to change, but offsite contractor: no  1'],
      check,
    );
    t.equal(outcomeOf(true, failing(check))[0], 7, `--check: ${check}`);
  }
  t.equal(outcomeOf(false, failing('host-key'))[0], 8);
  t.equal(outcomeOf(true, failing('host-key'))[0], 2, 'it has been looked at, and is not as it should be');
  t.strictSame(outcomeOf(false, failing('command')), [0, 'db1   nothing to change  1'], 'copies arrive all the same');
  t.equal(outcomeOf(true, failing('command'))[0], 0);
  t.strictSame(
    outcomeOf(false, failing('login', [key])),
    [0, 'db1   1 change made  1'],
    'nobody can have let it in yet',
  );
  t.equal(outcomeOf(false, failing('reach', [key]))[0], 7);
  t.equal(outcomeOf(true, failing('login', [key]))[0], 2);
  t.equal(outcomeOf(true, failing('login', [], [theirs]))[0], 2, 'the plan would let it in');
  t.equal(outcomeOf(false, failing('login', [], [theirs]))[0], 7, 'it was let in, and still is not accepted');
  const dry = provisionData([failing('login')], { check: false, applied: false });
  t.equal(dry.exitCode, 0, 'a dry run only shows');

  const base = good('db2');
  const stored = (code: 'store-unreachable' | 'refused') => {
    const remarks = [{ text: 'cannot use /mnt', hint: 'mount it', code }];
    return { ...base, converged: { ...base.converged, plan: { ...base.converged.plan, remarks }, remarks } };
  };
  t.strictSame(outcomeOf(false, stored('store-unreachable')), [7, 'db2   nothing to change, but cannot use /mnt  1']);
  t.equal(outcomeOf(true, stored('store-unreachable'))[0], 7);
  t.equal(outcomeOf(false, stored('refused'))[0], 8);
  t.equal(outcomeOf(true, stored('refused'))[0], 2);
  t.equal(outcomeOf(false, stored('store-unreachable'), good('db1'))[0], 7);
});

t.test('an offsite that keeps the host out: its keeper is told what to do, or at least the key', async (t) => {
  const failed = [{ ...login, outcome: 'failed' as const }];
  const kept = told([good('db1', [change], { farEnds: [farEnd(failed)] })]);
  t.match(kept, /^FAILED {5}it accepts the key \(no\)\n {11}hint: let it in\ndb1: offsite contractor: 1 of 1 FAILED$/m);
  t.match(kept, /^ {4}restrict ssh-ed25519 AAAA$/m);
  t.notMatch(kept, /its new key/);

  const alone = told([good('db1', [change], { farEnds: [farEnd(failed, 'root cannot be kept inside a folder')] })]);
  t.match(alone, /^db1: offsite contractor: root cannot be kept inside a folder$/m);
  t.match(alone, /^FAILED {5}it accepts the key/m);
  t.match(alone, /^db1: its new key .*: ssh-ed25519 AAAA$/m, 'without instructions the key itself is told');

  const fine = told([good('db1', [], { farEnds: [farEnd([{ ...login, outcome: 'ok' }])] })]);
  t.match(fine, /^db1: offsite contractor: all is as it should be$/m);
  t.notMatch(told([good('db1', [], { farEnds: [farEnd(null)] })]), /contractor/, 'nobody has looked');
});

t.test('nothing that a host says moves the cursor or makes a line of its own', async (t) => {
  const error = new CoffreError('unexpected', evil, { hint: evil, findings: [evil] });
  const base = good('db1', [{ ...change, name: evil }], {
    farEnds: [farEnd([{ ...login, outcome: 'failed', detail: evil }], evil)],
  });
  const noisy = {
    ...base,
    converged: {
      ...base.converged,
      ...{ identities: [{ path: evil, publicKey: evil }], proofs: [evil], remarks: [{ text: evil, hint: evil }] },
    },
  };
  const text = told([noisy, bad('db2', error)]);
  t.notMatch(text.replaceAll('\n', ''), /\p{Cc}/u);
  t.strictSame(
    text.split('\n').filter((line) => line.startsWith('[2J')),
    [],
  );
});

t.test('what --json tells is what the comment of a pull request reads', async (t) => {
  const data = provisionData(
    [good('db1', [change], {}, false), bad('db2', new CoffreError('refused', 'no', { hint: 'h' }))],
    { check: false, applied: false },
  );
  const read = ProvisionResult.parse(JSON.parse(JSON.stringify({ event: 'result', exitCode: data.exitCode, data })));
  t.match(read, {
    exitCode: 8,
    data: {
      hosts: [
        { host: 'db1', ok: true, plan: { changes: [change] } },
        { host: 'db2', error: { code: 'refused' } },
      ],
    },
  });
});
