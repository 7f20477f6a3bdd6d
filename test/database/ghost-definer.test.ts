import t from 'tap';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

t.test(
  'a view whose definer is gone is told apart from one whose table is, by an account that is no administrator',
  async (t) => {
    const server = await serverFor(t);
    await runSql(
      server,
      `CREATE DATABASE shop; CREATE TABLE shop.t (a INT); CREATE TABLE shop.gone (a INT);
     CREATE USER ghost@localhost; GRANT ALL ON shop.* TO ghost@localhost;
     CREATE DEFINER=ghost@localhost VIEW shop.haunted AS SELECT a FROM shop.t; CREATE VIEW shop.above AS SELECT a FROM shop.haunted;
     CREATE DEFINER=ghost@localhost SQL SECURITY INVOKER VIEW shop.harmless AS SELECT a FROM shop.t;
     CREATE VIEW shop.broken AS SELECT a FROM shop.gone; DROP TABLE shop.gone; DROP USER ghost@localhost;
     CREATE USER bkp; GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS ON *.* TO bkp;`,
    );
    const definer = (view: string) =>
      `the view \`shop\`.\`${view}\` cannot be read: its definer is no account any more, or that of a view that it is on (look at: SHOW CREATE VIEW \`shop\`.\`${view}\`; make that account again, or ALTER DEFINER = … VIEW \`shop\`.\`${view}\` AS …)`;
    for (const user of ['root', 'bkp']) {
      const as = { ...server.root, credentials: { kind: 'no-password', user } as const };
      const failure = await inspectServer(as, { exclude: [] }).then(
        () => undefined,
        (error: { readonly findings: readonly string[] }) => error,
      );
      t.strictSame(
        [...(failure?.findings ?? [])].sort(),
        [
          definer('above'),
          'the view `shop`.`broken` cannot be read: what it refers to is gone (look at: SHOW CREATE VIEW `shop`.`broken`; then mend or drop it)',
          definer('haunted'),
        ],
        user,
      );
      t.match(failure, { code: 'dump-failed', hint: /SHOW CREATE VIEW `shop`\.`/ });
    }
  },
);
