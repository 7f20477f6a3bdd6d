import t from 'tap';
import { keepsKeyOrder } from '../../lib/archive/row-order.ts';

const table = (body: string, end = ') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;') =>
  `CREATE TABLE \`t\` (\n${body}\n${end}\n`;
const KEYED = '  `id` int(11) NOT NULL,\n  PRIMARY KEY (`id`)';

t.test('a table of InnoDB with a primary key comes out in its order', async (t) => {
  t.ok(keepsKeyOrder(table(KEYED)));
  t.ok(keepsKeyOrder(table(`${KEYED},\n  KEY \`a\` (\`a\`)`)));
});

t.test('one without, or of another engine, in the order in which rows came', async (t) => {
  t.notOk(keepsKeyOrder(table('  `id` int(11) NOT NULL,\n  UNIQUE KEY `id` (`id`)')));
  t.notOk(keepsKeyOrder(table(KEYED, ') ENGINE=MyISAM;')));
  t.notOk(keepsKeyOrder(table(KEYED, ') ENGINE=InnoDB WITH SYSTEM VERSIONING;')));
  t.notOk(keepsKeyOrder(table(KEYED, ') ENGINE=InnoDB\n PARTITION BY HASH (`id`);')));
});

t.test('no name and no comment passes for a key', async (t) => {
  t.notOk(keepsKeyOrder(table('  `a\n  PRIMARY KEY (` int(11)')));
  t.notOk(keepsKeyOrder(table("  `a` int(11) COMMENT 'it''s \\' \n  PRIMARY KEY ('")));
  t.notOk(keepsKeyOrder(table(`  \`a\` int(11) COMMENT '\n) ENGINE=InnoDB',\n${KEYED}`, ') ENGINE=Aria;')));
});
