import fc from 'fast-check';
import t from 'tap';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import type { Piece } from '../../lib/archive/piece.ts';

const HEAD = `/*M!999999\\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: shop
-- Table structure for table \`forged by a database name\`
-- ------------------------------------------------------

/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Current Database: \`shop\`
--

CREATE DATABASE \`shop\`;

USE \`shop\`;
`;

const TAIL = `/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;

-- Dump completed on 2026-11-22 20:15:14
`;

const BODY = `
--
-- Sequence structure for \`s\`
--

CREATE SEQUENCE \`s\` start with 5;

--
-- Table structure for table \`a\`\`b
-- Table structure for table \`\`c\`\`\`
--

CREATE TABLE \`a\`\`b
Table structure for table \`\`c\`\`\` (
  \`VALUES\` int COMMENT 'x
--
-- Table structure for table \`forged\`
--
;'
) COMMENT='it''s \\' "';
INSERT INTO \`a\`\`b
Table structure for table \`\`c\`\`\` (\`VALUES\`, row_start) VALUES (1,'a;b'),
(2,'-- \\n--\\nDELIMITER ;;');
INSERT INTO \`a\`\`b
Table structure for table \`\`c\`\`\` VALUES
(3,'quote '' and \\\\');
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=\`root\`@\`localhost\`*/ /*!50003 TRIGGER tr BEFORE INSERT ON g FOR EACH ROW BEGIN
--
-- Table structure for table \`forged\`
--
# it's ;;
/* it's ;; */
SET @x = ';;"';
END */;;
DELIMITER ;

--
-- Temporary table structure for view \`v\`
--

/*!50001 CREATE VIEW \`v\` AS SELECT
 1 AS \`x\` */;

--
-- Dumping events for database 'shop'
--
DELIMITER ;;
/*!50106 CREATE*/ /*!50117 DEFINER=\`root\`@\`localhost\`*/ /*!50106 EVENT \`e\` DO SELECT 1 */ ;;
DELIMITER ;

--
-- Dumping routines for database 'shop'
--
/*!50003 SET sql_mode              = 'NO_BACKSLASH_ESCAPES' */ ;
DELIMITER ;;
CREATE FUNCTION \`f\`() RETURNS text RETURN '\\' ;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
DELIMITER ;;
CREATE PROCEDURE \`p\`()
BEGIN
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
-- Dump completed
SELECT '\\';;';
END ;;
DELIMITER ;

--
-- Current Database: \`shop\`
--

USE \`shop\`;

--
-- Final view structure for view \`v\`
--

/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50001 VIEW \`v\` AS select 'a;\\n--\\n' AS \`x\` */;
`;

const DUMP = Buffer.from(HEAD + BODY + TAIL);

function read(chunks: readonly Buffer[]) {
  const reader = new DumpReader();
  const pieces: Piece[] = [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()];
  const sections: { kind: string; name: string | null; text: string }[] = [];
  for (const { section, opens, bytes } of pieces) {
    if (opens) sections.push({ ...section, text: '' });
    const last = sections.at(-1);
    if (last) last.text += bytes.toString('latin1');
  }
  return {
    sections,
    complete: reader.complete,
    counts: reader.tally.counts,
    largest: reader.tally.largestStatementBytes,
  };
}

t.test('finds the sections, and none that a name, a body, a string or a comment pretends to be', async (t) => {
  const { sections, counts, complete } = read([DUMP]);
  t.same(
    sections.map(({ kind, name }) => [kind, name]),
    [
      ['preamble', null],
      ['sequence', 's'],
      ['table', 'a`b\nTable structure for table `c`'],
      ['view-placeholder', 'v'],
      ['events', null],
      ['routines', null],
      ['view', 'v'],
      ['trailer', null],
    ],
  );
  t.same(counts, { tables: 1, views: 1, sequences: 1, routines: 2, triggers: 1, events: 1 });
  t.ok(complete);
  t.equal(sections.at(-1)?.text, TAIL);
});

t.test('gives every byte back, and the same sections for any chunks', async (t) => {
  const whole = read([DUMP]);
  t.equal(whole.sections.map(({ text }) => text).join(''), DUMP.toString('latin1'));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 200 }), (sizes) => {
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) {
        chunks.push(DUMP.subarray(at, at + size));
        at += size;
      }
      chunks.push(DUMP.subarray(at));
      t.same(read(chunks), whole);
    }),
    { numRuns: 150 },
  );
  t.same(read([...DUMP].map((byte) => Buffer.from([byte]))), whole, 'byte by byte');
});

t.test(
  'takes the grants to PUBLIC after the trailer for a section of their own, and never for the proof',
  async (t) => {
    const grants = '\n--\n-- Grants to PUBLIC\n--\n\nGRANT SELECT ON `a`.* TO PUBLIC;\n';
    for (const chunks of [
      [Buffer.from(HEAD + TAIL + grants)],
      [...Buffer.from(HEAD + TAIL + grants)].map((byte) => Buffer.from([byte])),
    ]) {
      const { sections, complete } = read(chunks);
      t.same(
        sections.map(({ kind }) => kind),
        ['preamble', 'trailer', 'public-grants'],
      );
      t.match(sections.at(-1)?.text, /GRANT/);
      t.ok(complete);
    }
    t.notOk(read([Buffer.from(`${HEAD}${grants}`)]).complete);
  },
);

t.test('goes back to no other table than the interrupted one', async (t) => {
  const marker = (words: string) => `--\n-- ${words}\n--\n`;
  const insert = 'INSERT INTO `a` VALUES\n(1);\n';
  const start = `${HEAD}\n${marker('Table structure for table `a`')}${insert}${marker('Dumping data for table `b`, lane 1 of 1')}`;
  const kinds = (text: string) =>
    read([Buffer.from(start + text + TAIL)]).sections.map(({ kind, name }) => [kind, name]);
  const lane = [
    ['preamble', null],
    ['table', 'a'],
    ['switch', null],
    ['rows', 'b'],
  ];
  t.same(kinds(`${insert}${marker('Continuing table `a`')}${insert}`), [...lane, ['trailer', null]]);
  const text = (name: string) =>
    new Map(
      read([Buffer.from(`${start}${marker(`Continuing table \`${name}\``)}${insert}${TAIL}`)]).sections.map((each) => [
        each.kind,
        each.text,
      ]),
    );
  t.notMatch(text('a').get('rows'), 'INSERT');
  t.match(text('c').get('rows'), 'INSERT');
});

t.test('says so when the last line is missing, wherever the dump is cut', async (t) => {
  for (let length = 0; length < DUMP.length - TAIL.length; length += 7) {
    t.notOk(read([DUMP.subarray(0, length)]).complete);
  }
});

t.test('notes the largest statement, over chunks', async (t) => {
  const row = `(1,'${'x'.repeat(100_000)}')`;
  const insert = `INSERT INTO \`a\` VALUES\n${row},\n${row};`;
  const dump = Buffer.from(`\n--\n-- Table structure for table \`a\`\n--\n\n${insert}\n${TAIL}`);
  t.equal(read([dump.subarray(0, 50_000), dump.subarray(50_000)]).largest, insert.length);
});

t.test('keeps up with a fast server', async (t) => {
  const row = `(123456,'2026-01-01 00:00:00','some text; with ''quotes'' &amp; entities;',NULL,1.5),\n`;
  const insert = Buffer.from(`INSERT INTO \`a\` VALUES\n${row.repeat(12_000)}(1,'',''');\n`);
  const reader = new DumpReader();
  const started = process.cpuUsage();
  let bytes = 0;
  for (let n = 0; n < 200; n += 1) {
    for (let at = 0; at < insert.length; at += 65536) reader.push(insert.subarray(at, at + 65536));
    bytes += insert.length;
  }
  // The time of the processor: others may use it, too.
  const used = process.cpuUsage(started);
  const speed = bytes / (used.user + used.system);
  t.comment(`${Math.round(speed)} MB/s`);
  t.ok(speed > 100, `${Math.round(speed)} MB/s`);
});
