import t from 'tap';
import { assertClientTakes, knowsSandboxLine } from '../../lib/database/sandbox-line.ts';
import { pathWith } from '../fixture/programs.ts';

t.test('tells the releases that begin a dump with it, or know it, from those before', async (t) => {
  const known = ['mariadb-dump 10.11.19-MariaDB', '10.6.18-MariaDB', '11.4.2-MariaDB', '11.5.1', '12.0.2', '11.8.3'];
  const unknown = ['10.11.7-MariaDB', '10.6.17', '10.5.24', '11.4.1', '10.4.34', '11.3.2', 'what'];
  t.strictSame(
    known.map(knowsSandboxLine),
    known.map(() => true),
  );
  t.strictSame(
    unknown.map(knowsSandboxLine),
    unknown.map(() => false),
  );
});

t.test('a client that would fail on the first line is named before anything is touched', async (t) => {
  await assertClientTakes('mariadb-dump 10.11.19-MariaDB');
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  const says = (text: string) => pathWith(t.testdir(), 'mariadb', `echo '${text}'`);
  process.env.PATH = await says('mariadb  Ver 15.1 Distrib 10.6.12-MariaDB, for debian-linux-gnu (x86_64)');
  await t.rejects(assertClientTakes('mariadb-dump 10.11.19-MariaDB'), {
    code: 'program-missing',
    message: /10\.6\.12/,
  });
  await assertClientTakes('mariadb-dump 10.6.12-MariaDB');
  await assertClientTakes(null);
  process.env.PATH = await says('mariadb from 11.4.7-MariaDB, client 15.2 for linux');
  await assertClientTakes('mariadb-dump 10.11.19-MariaDB');
});
