import t from 'tap';
import { HostName } from '../../lib/model/names.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { formatContractorSide, formatFarEnd } from '../../lib/report/far-end.ts';
import { contractorSide } from '../../lib/storage/contractor-side.ts';

t.test('the instructions hold every command, both files, and how the path follows', async (t) => {
  const offsite = SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', address: 'backup.example.org', user: 'acme', path: "/it's/db1" },
    hostKey: 'ssh-ed25519 AAAA',
  });
  const side = contractorSide(offsite, 'ssh-ed25519 AAAA me@here', HostName.parse('db1'));
  const text = formatContractorSide(side, offsite.path);
  for (const command of [...side.commands.before, ...side.commands.after])
    t.ok(text.includes(`\n    ${command}\n`), command);
  for (const line of side.rules.content.trimEnd().split('\n')) t.ok(text.includes(`\n    ${line}\n`), line);
  t.ok(text.includes(`\n    ${side.keys.line}\n`));
  t.match(text, "sees /srv/coffre/acme as /, so that /it's/db1 of the inventory is /srv/coffre/acme/it's/db1.");
  t.match(text, 'Snapshots');
});

t.test('a line for each condition, a hint for each failure, and nothing that moves the cursor', async (t) => {
  const text = formatFarEnd('contractor (acme@backup.example.org:/backups/db1)', [
    { check: 'reach', says: 'it answers', outcome: 'ok', detail: 'port 22', hint: null },
    {
      check: 'command',
      says: 'no shell and no command',
      outcome: 'failed',
      detail: 'it gives\x1b[2J a shell',
      hint: 'ForceCommand',
    },
    {
      check: 'folder',
      says: 'it cannot leave its folder',
      outcome: 'untried',
      detail: 'what it depends on failed',
      hint: null,
    },
  ]);
  t.equal(
    text,
    [
      'OK         it answers (port 22)',
      'FAILED     no shell and no command (it gives\\x1b[2J a shell)',
      '           hint: ForceCommand',
      'NOT TRIED  it cannot leave its folder (what it depends on failed)',
      'contractor (acme@backup.example.org:/backups/db1): 1 of 3 FAILED',
    ].join('\n'),
  );
  t.match(formatFarEnd('c', []), /^c: all is as it should be$/);
});
