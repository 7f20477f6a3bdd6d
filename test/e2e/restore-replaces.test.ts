import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { assertExplained, STORE } from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { replacedWorldFor } from '../fixture/replaced-world.ts';
import { eventsOf, type TaskEvent } from '../fixture/task.ts';

/* What becomes of a database that a restore replaces, from which copy it does it, and what it says before. */

t.setTimeout(300_000);
const { world, newest, backedUp, since, leftovers, assertHas } = await replacedWorldFor(t);
const words = ['--database', 'shop', '--overwrite', 'shop'];

t.test('a dry run says what would be read, replaced and needed, and does nothing', async (t) => {
  const plan = await world.restore([...words, '--dry-run']);
  t.equal(plan.exitCode, 0, plan.stderr);
  t.match(plan.stdout, /^shop +move aside as shop__coffre_old_\d{8}t\d{6}z, load, compare, then DROP the old one +2 /m);
  t.match(
    plan.stdout,
    new RegExp(
      `^would restore ${newest} of .*${STORE}/${newest}: \\d\\.\\d MiB to be verified first, and then read$`,
      'm',
    ),
  );
  t.match(plan.stdout, /^not from export: has it too, and is farther away$/m);
  t.match(plan.stdout, /^space {4}about .* are free there; the old ones keep .* until then$/m);
  t.match(plan.stdout, /^time {5}about \d/m);
  const refused = await world.restore(['--database', 'shop', '--dry-run']);
  t.equal(refused.exitCode, 8);
  t.match(refused.stdout, /^shop +REFUSE: it is there; --overwrite names it/m);
  await assertHas(t, since, 'it is as it was');
});

/** A client that the server lets load no more than a little: what is said of the rest is how a full disk sounds. */
const full = await pathWith(
  world.at('bin-full'),
  'mariadb',
  `case "$*" in *binary-mode*) ;; *) exec "$REAL" "$@";; esac
   stdbuf -o0 head -c 400000 | "$REAL" "$@" || exit $?
   [ -z "$(head -c 1)" ] && exit 0; echo "ERROR 1114 (HY000) at line 30: full" >&2; exit 1`,
);
const meddling = await pathWith(
  world.at('bin-meddling'),
  'mariadb-dump',
  `case "$*" in *--databases*shop) mariadb --defaults-file=${world.adminOptions} -e "DELETE FROM shop.customer LIMIT 1";; esac; exec "$REAL" "$@"`,
);

for (const [what, path, code] of [
  ['the server does not take the new one', full, 4],
  ['the new one differs from what was backed up', meddling, 5],
] as const) {
  t.test(`when ${what}, the old one comes back`, async (t) => {
    const ended = await world.restore(words, { env: { PATH: path } });
    t.equal(ended.exitCode, code, ended.stderr);
    t.match(ended.stderr, /^ +shop: the old database is back in its place, as it was$/m);
    await assertHas(t, since, 'it is as it was');
  });
}

const isLoading = ({ event, phase }: TaskEvent) => event === 'progress' && phase === 'load';

t.test(
  "killed while the new one was being loaded: what stands there is nobody's to drop but a person's, and then it begins again",
  async (t) => {
    const killed = await world.restore(['--json', ...words], {
      onEvent: (event, { kill }) => {
        if (isLoading(event)) kill('SIGKILL');
      },
    });
    t.equal(killed.exitCode, null, killed.stdout);
    t.equal((await leftovers()).length, 1);
    const other = await world.restore(['--database', 'crm', '--overwrite', 'crm', '--dry-run']);
    t.match(other.stdout, /^warning +a restore of shop was cut short: the old one is in shop__coffre_old_/m);
    // A half of the new one stands there, and nobody can tell what else: somebody may have worked in it.
    await execute(
      world.server.root,
      'CREATE TABLE shop.order_of_today (a INT); INSERT INTO shop.order_of_today VALUES (1)',
    );
    for (const named of [[], ['--overwrite', 'shop'], ['--drop-first', 'shop']]) {
      const refused = await world.restore(['--database', 'shop', ...named]);
      const taken =
        /^error: cannot restore shop: an earlier restore was cut short .*\d tables?\) in which somebody may have worked since$/;
      assertExplained(
        t,
        refused,
        8,
        taken,
        /: npx zx tasks\/restore\.ts .*--put-back shop --drop-first shop; then restore again$/,
      );
    }
    const table = await world.restore(['--table', 'shop.customer']);
    assertExplained(
      t,
      table,
      8,
      /^error: cannot restore tables of shop: an earlier restore of it was cut/,
      /--put-back shop/,
    );
    t.strictSame(await queryLines(world.server.root, 'SELECT a FROM shop.order_of_today'), ['1']);
    await execute(world.server.root, 'DROP DATABASE shop');
    const unnamed = await world.restore(['--database', 'shop']);
    const cut =
      /^error: cannot restore shop: an earlier restore of it was cut short, and the old one is in shop__coffre_old_/;
    assertExplained(t, unnamed, 8, cut, /--put-back shop; .*: --overwrite shop$/);
    const again = await world.restore(words, { env: { PATH: full } });
    t.equal(again.exitCode, 4, again.stderr);
    t.match(again.stderr, /^ +shop: an earlier restore was cut short: the old database is back in its place$/m);
    await assertHas(t, since, 'it is as it was');
  },
);

t.test('a copy that is damaged is told, and the next one is taken, before anything is touched', async (t) => {
  await whileDamaged(world.at(STORE, newest, 'shop.tar.gz.enc'), flipped, async () => {
    const ended = await world.restore(['--json', ...words]);
    t.equal(ended.exitCode, 0, ended.stdout);
    const events = eventsOf(ended);
    const told = events.findIndex(
      ({ event, text = '' }) =>
        event === 'warning' && /^the copy in store is not taken: .*shop\.tar\.gz\.enc/.test(text),
    );
    const moved = events.findIndex(({ event, text = '' }) => event === 'note' && text.startsWith('the old one is '));
    t.ok(told >= 0 && told < moved, 'in this order');
    t.match(events.at(-1), {
      data: { copies: [{ place: 'store' }, { place: 'export', verdict: 'taken' }, { place: 'offsite:contractor' }] },
    });
  });
  await assertHas(t, backedUp, 'it is what was backed up');
});
