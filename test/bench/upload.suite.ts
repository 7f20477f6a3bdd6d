import t from 'tap';
import { run } from '../../lib/system/command.ts';

/* A small upload over both lines: the figures are nothing to be believed, and all must be there in the end. */

t.setTimeout(300_000);

t.test('the upload over bad lines is measured, and what is delivered is looked up', async (t) => {
  const words = ['test/bench/bench.ts', 'upload', '--size', '0.02', '--latency', '20', '--cut', '5', '--json'];
  const { exitCode, stdout, stderr } = await run('npx', ['zx', ...words, '--patience', '120']);
  t.equal(exitCode, 0, stderr);
  const { sizeBytes, measured } = JSON.parse(stdout);
  t.equal(measured.length % 2, 0);
  for (const each of measured) {
    t.ok(each.delivered, `${each.line}, ${each.by}`);
    t.ok(each.sentBytes >= sizeBytes && each.seconds > 0);
  }
  t.same([measured[0].by, measured[0].tries], ['coffre', 1]);
});
