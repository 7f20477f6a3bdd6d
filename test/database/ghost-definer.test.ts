import t from 'tap';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const server = await serverFor(t);
await runSql(
  server,
  `CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE shop.t (a INT); CREATE TABLE shop.gone (a INT);
   CREATE USER ghost@localhost; GRANT ALL ON *.* TO ghost@localhost; CREATE USER weak@localhost;
   CREATE DEFINER=ghost@localhost VIEW shop.haunted AS SELECT a FROM shop.t;
   CREATE DEFINER=ghost@localhost SQL SECURITY INVOKER VIEW shop.harmless AS SELECT a FROM shop.t;
   DROP USER ghost@localhost;
   CREATE USER bkp; GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS ON *.* TO bkp;`,
);

async function inspect(user: string) {
  const as = { ...server.root, credentials: { kind: 'no-password', user } as const };
  return await inspectServer(as, { exclude: ['other'] }).then(
    ({ orphanViews }) => ({ orphanViews, findings: null, hint: undefined }),
    ({ findings, hint }: { findings: readonly string[]; hint: string }) => ({ orphanViews: null, findings, hint }),
  );
}

t.test('a view whose definer is gone is in the backup, and told', async (t) => {
  for (const user of ['root', 'bkp']) {
    const { orphanViews, findings } = await inspect(user);
    t.equal(findings, null);
    t.strictSame(orphanViews, [{ database: 'shop', name: 'haunted', definer: 'ghost@localhost' }], user);
  }
});

t.test(
  'whatever else cannot be read is refused, each with what mends it, also for an account that is no administrator',
  async (t) => {
    await runSql(
      server,
      `CREATE USER ghost@localhost; GRANT ALL ON *.* TO ghost@localhost;
     CREATE VIEW shop.above AS SELECT a FROM shop.haunted; CREATE DEFINER=ghost@localhost VIEW shop.both AS SELECT a FROM shop.haunted;
     CREATE FUNCTION shop.f() RETURNS INT DETERMINISTIC RETURN 1; CREATE DEFINER=ghost@localhost VIEW shop.calls AS SELECT shop.f() AS a;
     CREATE DEFINER=ghost@localhost VIEW other.beyond AS SELECT a FROM shop.t; CREATE DEFINER=ghost@localhost VIEW shop.far AS SELECT a FROM other.beyond;
     CREATE VIEW shop.broken AS SELECT a FROM shop.gone; DROP TABLE shop.gone; DROP USER ghost@localhost;`,
    );
    const again = 'make ghost@localhost again with its grants';
    const hint = (view: string) =>
      `(look at: SHOW CREATE VIEW \`shop\`.\`${view}\`; ${again}, or ALTER DEFINER = … VIEW \`shop\`.\`${view}\` AS …)`;
    const both = (view: string) =>
      `the view \`shop\`.\`${view}\` cannot be read: its definer ghost@localhost is no account any more, and it is on a function, or on what cannot be read ${hint(view)}`;
    for (const user of ['root', 'bkp']) {
      const found = await inspect(user);
      t.strictSame(
        [...(found.findings ?? [])].sort(),
        [
          `the view \`shop\`.\`above\` cannot be read: its definer lacks a privilege, or that of a view or a function that it is on is no account any more ${hint('above')}`,
          both('both'),
          'the view `shop`.`broken` cannot be read: what it refers to is gone (look at: SHOW CREATE VIEW `shop`.`broken`; then mend or drop it)',
          both('calls'),
          both('far'),
        ],
        user,
      );
      t.match(found.hint, /SHOW CREATE VIEW `shop`\.`/);
    }
  },
);
