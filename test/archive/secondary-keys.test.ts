import t from 'tap';
import { referencesOf, secondaryKeys } from '../../lib/archive/secondary-keys.ts';

const table = (...lines: readonly string[]) =>
  `--\n-- Table structure for table \`t\`\n--\n\nDROP TABLE IF EXISTS \`t\`;\nCREATE TABLE \`t\` (\n${lines.join(',\n')}\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4;\n`;
const COLUMNS = ['  `id` int(11) NOT NULL AUTO_INCREMENT', "  `a` varchar(20) DEFAULT 'x KEY y' COMMENT ') ENGINE=x'"];
const PRIMARY = '  PRIMARY KEY (`id`)';

t.test('keys are taken and given back in their order', async (t) => {
  const keys = ['  UNIQUE KEY `u``q` (`a`,`id`)', '  KEY `b` (`a`(10) DESC) USING BTREE', '  KEY `c` (`a`)'];
  t.strictSame(secondaryKeys(table(...COLUMNS, PRIMARY, ...keys)), {
    drop: 'ALTER TABLE `t` DROP KEY `u``q`, DROP KEY `b`, DROP KEY `c`;\n',
    add: 'ALTER TABLE `t` ADD UNIQUE KEY `u``q` (`a`,`id`), ADD KEY `b` (`a`(10) DESC) USING BTREE, ADD KEY `c` (`a`)',
    primary: ['id'],
  });
});

for (const [why, ...lines] of [
  ['there are none'],
  ['one is of another kind', '  KEY `a` (`a`)', '  FULLTEXT KEY `f` (`a`)'],
  ['one has options', '  KEY `a` (`a`)', "  KEY `b` (`a`) COMMENT 'kept'"],
  ['one is not used', '  KEY `a` (`a`) IGNORED'],
  ['one is a hash', '  UNIQUE KEY `a` (`a`) USING HASH'],
  ['a foreign key needs one', '  KEY `a` (`a`)', '  CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)'],
  ['a name is not on one line', '  KEY `a\nb` (`a`)'],
] as const) {
  t.test(`none is taken when ${why}`, async (t) => {
    t.equal(secondaryKeys(table(...COLUMNS, PRIMARY, ...lines)), null);
  });
}

t.test('nor when one counts, or values are generated', async (t) => {
  t.equal(secondaryKeys(table(...COLUMNS, '  PRIMARY KEY (`a`,`id`)', '  KEY `id` (`id`)')), null);
  const generated = '  `g` int(11) GENERATED ALWAYS AS (`id` + 1) VIRTUAL';
  t.equal(secondaryKeys(table(...COLUMNS, generated, PRIMARY, '  KEY `g` (`g`)')), null);
});

t.test('tables that foreign keys refer to are found, in other databases too', async (t) => {
  const references = [
    '  CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p``q` (`id`) ON DELETE CASCADE',
    '  CONSTRAINT `g` FOREIGN KEY (`a`) REFERENCES `ü`.`x` (`a`,`b`)',
  ];
  const structure = Buffer.from(table(...COLUMNS, PRIMARY, ...references)).toString('latin1');
  t.strictSame(referencesOf(structure), [
    { database: null, table: 'p`q', columns: ['id'] },
    { database: 'ü', table: 'x', columns: ['a', 'b'] },
  ]);
});
