import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import t from 'tap';
import { tell } from '../../lib/flow/tell.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { News } from '../../lib/model/news.ts';
import { Notifier, TOLD } from '../../lib/model/notify-config.ts';

/* Real servers on loopback: one of HTTP, which answers as a test wants it, and one of SMTP. */

interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const asked: Asked[] = [];
/** Status codes of the next answers; 0 hangs. 200 once there are none. */
const answers: number[] = [];
const http = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    asked.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
    const status = answers.shift() ?? 200;
    if (status !== 0) response.writeHead(status, { location: '/elsewhere' }).end('thanks');
  });
});
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const port = (http.address() as AddressInfo).port;
const SECRET = 'T0ken-in-the-path-4711';

const mails: {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly user?: string;
}[] = [];
const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  allowInsecureAuth: true,
  onAuth: ({ username, password }, _, done) =>
    password === 'pa#ss word' ? done(null, { user: username }) : done(new Error(`no: ${password}`)),
  onData: (stream, session, done) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const { mailFrom, rcptTo } = session.envelope;
      const from = mailFrom === false ? '' : mailFrom.address;
      const text = Buffer.concat(chunks).toString('utf8');
      mails.push({ from, to: rcptTo.map(({ address }) => address), text, user: String(session.user ?? '') });
      done();
    });
  },
});
smtp.listen(0, '127.0.0.1');
await once(smtp.server, 'listening');
const smtpPort = (smtp.server.address() as AddressInfo).port;
t.teardown(() => {
  http.closeAllConnections();
  http.close();
  smtp.close();
});

const gone = createServer().listen(0, '127.0.0.1');
await once(gone, 'listening');
const closedPort = (gone.address() as AddressInfo).port;
gone.close();

const folder = t.testdir({});
const secretsFile = join(folder, '.env');
await writeFile(
  secretsFile,
  [
    `COFFRE_PING=http://127.0.0.1:${port}/ping/${SECRET}?rid=7`,
    `COFFRE_HOOK=http://127.0.0.1:${port}/hook/${SECRET}`,
    `COFFRE_AWAY=http://127.0.0.1:${closedPort}/${SECRET}`,
    `COFFRE_FTP=ftp://127.0.0.1/${SECRET}`,
    'COFFRE_TOKEN=tk_secret',
    "COFFRE_SMTP='pa#ss word'",
    'COFFRE_WRONG=wrong-password-of-mail',
    '',
  ].join('\n'),
  { mode: 0o600 },
);

const events: FlowEvent[] = [];
const limits = { pausesMs: [1, 1], timeoutMs: 1500 };
const order = (...notify: readonly object[]) => ({
  notify: notify.map((each) => Notifier.parse(each)),
  ...{ secretsFile, limits, emit: (event: FlowEvent) => void events.push(event) },
});
const news = (changes: Partial<News> = {}): News => ({
  ...{ event: 'failure', task: 'backup', host: 'db1', run: null, at: '2026-11-22T04:00:07.000Z' },
  ...{ code: 'database-unreachable', durationMs: null, figures: null, copies: [], drilled: [] },
  ...changes,
});
const done = news({
  ...{ event: 'success', run: '2026-11-22T040007Z', code: null, durationMs: 61_000 },
  figures: { databases: 3, sqlBytes: 3e9, sealedBytes: 8e8 },
  copies: [
    { place: 'store', state: 'complete' },
    { place: 'contractor', state: 'owed' },
  ],
});
const hook = { kind: 'webhook', url: 'COFFRE_HOOK' };
t.beforeEach(() => {
  for (const list of [asked, events, mails, answers]) list.length = 0;
});

t.test('a ping address gets the start, the end, or the failure', async (t) => {
  const ping = order({ kind: 'healthchecks', url: 'COFFRE_PING' });
  for (const event of TOLD) t.strictSame(await tell(news({ event }), ping), []);
  const paths = ['/start', '', '', '/fail'].map((suffix) => `/ping/${SECRET}${suffix}?rid=7`);
  t.strictSame(
    asked.map(({ path }) => path),
    paths,
  );
  t.match(asked.at(-1)?.body, /^coffre: the backup of db1 NEEDS A LOOK\n.*\nWhy: the database cannot be reached \(/);
});

t.test('each form says the same in its own way', async (t) => {
  const token = { kind: 'ntfy', url: 'COFFRE_HOOK', token: 'COFFRE_TOKEN', on: ['success'] };
  await tell(done, order(hook, { kind: 'slack', url: 'COFFRE_HOOK', on: ['success'] }, token));
  const of = (part: string) => asked.find(({ headers, body }) => JSON.stringify({ headers, body }).includes(part));
  const sentence = '3 databases, 2.8 GiB of SQL, 763 MiB sealed, in 1 min 1 s.';
  t.match(JSON.parse(of('sqlBytes')?.body ?? '{}'), { ...done, subject: 'coffre: the backup of db1 is done' });
  t.match(of('*coffre')?.body, sentence);
  const ntfy = of('white_check_mark');
  t.match(ntfy?.headers, { authorization: 'Bearer tk_secret', title: 'coffre: the backup of db1 is done' });
  t.match(ntfy?.body, `${sentence}\nCopies: store complete, contractor owed.`);
});

t.test('who has not asked for it is left alone', async (t) => {
  await tell(news({ event: 'start' }), order(hook, { kind: 'slack', url: 'COFFRE_HOOK' }));
  t.strictSame(asked, []);
});

t.test('is tried again where a later try may do, and only there', async (t) => {
  answers.push(503, 429);
  t.strictSame(await tell(news(), order(hook)), []);
  t.equal(asked.length, 3);
  for (const [given, tries, why] of [
    [[404], 1, /the answer was 404/],
    [[302], 1, /the answer was 302/],
    [[500, 500, 500], 3, /the answer was 500/],
    [[0, 0, 0], 3, /no answer within 1\.5 s/],
  ] as const) {
    asked.length = 0;
    answers.push(...given);
    t.strictSame(await tell(news(), order(hook)), [{ kind: 'webhook', event: 'failure' }]);
    t.equal(asked.length, tries, String(given));
    t.match(events.splice(0), [{ kind: 'warning', subject: 'db1', text: why }]);
  }
});

t.test('what cannot be told fails nothing, keeps nobody else from being told, and shows no secret', async (t) => {
  const [away, ftp, none] = ['COFFRE_AWAY', 'COFFRE_FTP', 'COFFRE_NONE'].map((url) => ({ ...hook, url }));
  const untold = await tell(news(), order(away ?? {}, ftp ?? {}, none ?? {}, hook));
  t.equal(untold.length, 3);
  t.equal(asked.length, 1);
  const texts = events.map((event) => JSON.stringify(event)).sort();
  t.match(texts, [/COFFRE_NONE: .* does not set it/, /no connection \(ECONNREFUSED\)/, /COFFRE_FTP: it is no http/]);
  t.notMatch(texts.join('\n'), SECRET);
  await chmod(secretsFile, 0o644);
  t.equal((await tell(news(), order(hook))).length, 1, 'nor is a .env taken that others can read');
  await chmod(secretsFile, 0o600);
});

t.test('a mail goes by a server, or by a program', async (t) => {
  const addresses = { kind: 'mail', from: 'coffre@example.net', to: ['ops@example.net', 'boss@example.net'] };
  const server = { address: '127.0.0.1', port: smtpPort, tls: 'none' };
  const login = { user: 'coffre', password: 'COFFRE_SMTP' };
  t.strictSame(await tell(news(), order({ ...addresses, smtp: { ...server, ...login } })), []);
  t.match(mails, [
    { from: 'coffre@example.net', to: addresses.to, user: 'coffre', text: /^Subject: .*NEEDS A LOOK\r$/m },
  ]);
  const wrong = { ...server, ...login, password: 'COFFRE_WRONG' };
  t.equal((await tell(news(), order({ ...addresses, smtp: wrong }))).length, 1);
  t.match(events, [{ text: /cannot send the mail: EAUTH 535/ }]);
  t.notMatch(JSON.stringify(events), 'wrong-password-of-mail');
  const plain = await tell(news(), order({ ...addresses, smtp: { ...server, tls: 'starttls' } }));
  t.equal(plain.length, 1, 'nothing goes out in plain where TLS is demanded');
  t.equal(mails.length, 1);

  const sendmail = join(folder, 'sendmail');
  // Whatever a host has under that name takes the mail on its standard input, and the addresses as words.
  await writeFile(sendmail, '#!/bin/sh\nprintf "%s " "$@" > "$0.words"\nexec cat > "$0.mail"\n', { mode: 0o755 });
  t.strictSame(await tell(news(), order({ ...addresses, sendmail })), [], JSON.stringify(events));
  t.match(await readFile(`${sendmail}.words`, 'utf8'), /-f coffre@example\.net ops@example\.net boss@example\.net $/);
  t.match(
    await readFile(`${sendmail}.mail`, 'utf8'),
    /^To: ops@example\.net, boss@example\.net\n(.*\n)*Subject: .*NEEDS A LOOK\n/m,
  );
  t.equal((await tell(news(), order({ ...addresses, sendmail: join(folder, 'none') }))).length, 1);
  t.match(events.at(-1), { text: /cannot send the mail: ENOENT/, hint: /msmtp-mta/ });
});
