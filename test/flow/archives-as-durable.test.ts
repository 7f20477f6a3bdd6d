import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { neededBefore, orderForLoading } from '../../lib/database/load-order.ts';
import { type ArchiveUnderWay, archivesAsDurable } from '../../lib/flow/archives-as-durable.ts';
import type { Archive } from '../../lib/model/archive-record.ts';
import { DatabaseName } from '../../lib/model/names.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => DatabaseName.parse(name));

/** Archives of all names and the accounts, and what makes each durable, or fail. */
function underWay(references: readonly { readonly from: DatabaseName; readonly to: DatabaseName }[]) {
  const order = orderForLoading(NAMES, references);
  const needed = neededBefore(order, references);
  const ends = new Map<DatabaseName | null, { resolve(): void; reject(error: Error): void }>();
  const archives = [...order, null].map((database): ArchiveUnderWay => {
    const durable = new Promise<Archive>((resolve, reject) => {
      ends.set(database, { resolve: () => resolve({ database } as Archive), reject });
    });
    return { database, after: database === null ? order : (needed.get(database) ?? []), durable };
  });
  return { order, archives, end: (name: DatabaseName | null) => ends.get(name) };
}

/** What has been taken so far. */
function take(archives: readonly ArchiveUnderWay[]) {
  const taken: (DatabaseName | null)[] = [];
  const end = (async () => {
    for await (const { database } of archivesAsDurable(archives)) taken.push(database);
  })();
  return { taken, end };
}

const references = fc.array(
  fc.record({ from: fc.constantFrom(...NAMES), to: fc.constantFrom(...NAMES) }).filter(({ from, to }) => from !== to),
  { maxLength: 8 },
);
const all: readonly (DatabaseName | null)[] = [...NAMES, null];
const completions = fc.shuffledSubarray([...all], { minLength: all.length });

t.test('whatever gets durable in whatever order: all are taken once, and what is needed comes first', async () => {
  await fc.assert(
    fc.asyncProperty(references, completions, async (references, completions) => {
      const { order, archives, end } = underWay(references);
      const { taken, end: over } = take(archives);
      for (const name of completions) {
        end(name)?.resolve();
        await turn();
      }
      await over;
      const before = (first: DatabaseName, then: DatabaseName) => taken.indexOf(first) < taken.indexOf(then);
      const kept = references.every(({ from, to }) => order.indexOf(to) > order.indexOf(from) || before(to, from));
      return taken.length === all.length && new Set(taken).size === all.length && taken.at(-1) === null && kept;
    }),
  );
});

t.test('nothing that could be taken is left waiting', async () => {
  await fc.assert(
    fc.asyncProperty(references, completions, async (references, completions) => {
      const { archives, end } = underWay(references);
      const { taken, end: over } = take(archives);
      const durable = new Set<DatabaseName | null>();
      let idle = false;
      for (const name of completions) {
        end(name)?.resolve();
        durable.add(name);
        await turn();
        const waiting = archives.filter(({ database }) => durable.has(database) && !taken.includes(database));
        idle ||= waiting.some(({ after }) => after.every((each) => taken.includes(each)));
      }
      await over;
      return !idle;
    }),
  );
});

t.test('of several that are durable the one is taken that was given first', async (t) => {
  const { archives, end } = underWay([]);
  for (const name of [...all].reverse()) end(name)?.resolve();
  const { taken, end: over } = take(archives);
  await over;
  t.same(taken, all);
});

t.test('one that fails ends it', async (t) => {
  const { archives, end } = underWay([]);
  const { taken, end: over } = take(archives);
  const [first = null, second = null] = NAMES;
  end(second)?.resolve();
  await turn();
  end(first)?.reject(new Error('the dump broke'));
  await t.rejects(over, { message: 'the dump broke' });
  t.same(taken, [second]);
});
