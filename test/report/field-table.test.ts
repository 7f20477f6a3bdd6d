import t from 'tap';
import { fieldTable, withParts } from '../../lib/report/field-table.ts';

const SCHEMA = {
  type: 'object',
  required: ['kind', 'links', 'server', 'sizeBytes'],
  properties: {
    kind: { type: 'string', const: 'backup', description: 'What it is' },
    sizeBytes: { type: 'integer', minimum: 1, description: 'One | two' },
    outcome: { type: 'string', enum: ['good', 'bad'], description: 'How it went' },
    server: {
      description: 'The server',
      anyOf: [
        {
          type: 'object',
          required: ['version'],
          properties: { version: { type: 'string', description: 'Its version' } },
        },
        { type: 'null' },
      ],
    },
    links: {
      type: 'array',
      description: 'Links',
      items: { type: 'object', required: [], properties: { to: { type: 'string', description: 'Where to' } } },
    },
    names: { type: 'array', description: 'Names', items: { type: 'string' } },
  },
};

t.test('every field has its path, its type and what it means', async (t) => {
  t.strictSame(fieldTable(SCHEMA).split('\n'), [
    '| Field | Type | Meaning |',
    '|---|---|---|',
    '| `kind` | `backup` | What it is |',
    '| `sizeBytes` | integer from 1 | One \\| two |',
    '| `outcome` | `good`, `bad`, optional | How it went |',
    '| `server` | object or null | The server |',
    '| `server.version` | string | Its version |',
    '| `links` | array of object | Links |',
    '| `links[].to` | string, optional | Where to |',
    '| `names` | array of string, optional | Names |',
  ]);
});

t.test('parts stand between their marks, and nothing else is touched', async (t) => {
  const text = (part: string) => `before\n<!-- begin a -->\n${part}<!-- end -->\nafter $& $1\n`;
  const made = withParts(text('old\n'), new Map([['a', 'new $& $1']]));
  t.equal(made, text('new $& $1\n'));
  t.equal(withParts(made, new Map([['a', 'new $& $1']])), made);
  t.throws(() => withParts(made, new Map()), { message: /nothing for a/ });
  t.throws(() => withParts('', new Map([['a', '']])), { message: /no place for a/ });
});
