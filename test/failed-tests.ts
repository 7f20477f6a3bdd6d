import { Parser, type Result } from 'tap-parser';
import { stringify } from 'yaml';

/** An assertion that failed, or a file that ended badly by itself. */
export interface FailedTest {
  /** The file, the tests around it from the outermost inwards, and the assertion. */
  readonly path: readonly string[];
  /** What tap tells of it. */
  readonly diagnostics: readonly string[];
}

/** What says nothing about the failure, or is long and stands in the source. */
const NOISE = ['args', 'at', 'command', 'cwd', 'externalID', 'jobId', 'source', 'stdio'];

/**
 * Reads the TAP of a whole run, as tap prints it, and finds what failed. A test that failed only because something in
 * it did is not told again. What is expected to fail (`todo`) or was skipped is no failure.
 */
export function readFailures(): { write(chunk: Uint8Array): void; end(): readonly FailedTest[] } {
  const failures: FailedTest[] = [];
  const parser = new Parser();
  listen(parser, [], failures);
  return {
    write: (chunk) => void parser.write(chunk),
    end() {
      parser.end();
      return failures;
    },
  };
}

function listen(parser: Parser, path: readonly string[], failures: FailedTest[]): void {
  let told = failures.length;
  parser.on('child', (child: Parser) => {
    told = failures.length;
    listen(child, [...path, plain(child.name)], failures);
  });
  parser.on('assert', ({ ok, todo, skip, name, diag, closingTestPoint }: Result) => {
    const isTold = closingTestPoint && failures.length > told;
    if (!ok && !todo && !skip && !isTold) failures.push({ path: [...path, plain(name)], diagnostics: linesOf(diag) });
    told = failures.length;
  });
}

/** tap escapes what would begin a directive. */
function plain(name: string): string {
  return name.replaceAll('\\#', '#');
}

function linesOf(diag: Result['diag']): string[] {
  if (!diag) return [];
  const { at, ...rest } = diag as Record<string, unknown> & { at?: Partial<Record<string, string | number>> };
  const place = at?.fileName ? [`at ${at.fileName}:${at.lineNumber}:${at.columnNumber}`] : [];
  const kept = Object.fromEntries(Object.entries(rest).filter(([key]) => !NOISE.includes(key)));
  const text = Object.keys(kept).length > 0 ? stringify(kept, { lineWidth: 0 }).trimEnd().split('\n') : [];
  return [...place, ...text];
}
