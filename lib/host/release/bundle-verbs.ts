import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { CoffreError } from '../../model/error.ts';

/** Verbs as JavaScript that needs no package. */
export interface Bundle {
  /** Path in the release → content: one `verbs/<verb>.mjs` each, and the chunks that they share. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Folders of the packages that are in it, such as `node_modules/ssh2`, sorted. */
  readonly packages: readonly string[];
  /** The comments in the bundled sources that have to be kept: licences. */
  readonly legalComments: string;
}

/** ES modules have no `require`, which the bundled packages use for Node's own modules. */
const BANNER =
  'import{createRequire as __coffreRequire}from"node:module";' +
  'const require=__coffreRequire(import.meta.url),__dirname=import.meta.dirname,__filename=import.meta.filename;';

/**
 * Machine code that ssh2 does without. Were it merely external, Node would look for it in the folders above the release,
 * and the folder above a temporary one belongs to everybody.
 */
const withoutMachineCode: Plugin = {
  name: 'without-machine-code',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^cpu-features$|\.node$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'throw new Error("left out of the release")' }));
  },
};

/** What builds releases, and what prints private keys, is control's: with them a release would hold their packages, too. */
const withoutBuilder: Plugin = {
  name: 'without-builder',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/(release-shelf|paper-page)\.ts$/ }, ({ path }) => ({ path, namespace: 'of-control' }));
    onLoad({ filter: /.*/, namespace: 'of-control' }, () => ({
      contents: `const absent = () => { throw new Error("left out of the release"); };
        export const releaseShelf = absent, renderPaper = absent;`,
    }));
  },
};

/**
 * Bundles `tasks/<verb>.ts` of the project in `root`. The same sources give the same bytes, in whichever folder. Only
 * white space is taken out, so that the names in a stack trace are those of the sources. Throws `unexpected` when a
 * source does not compile.
 */
export async function bundleVerbs(root: string, verbs: readonly string[]): Promise<Bundle> {
  const outdir = join(root, 'out');
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...verbs].sort().map((verb) => ({ in: `tasks/${verb}.ts`, out: `verbs/${verb}` })),
    outdir,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[hash]',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    format: 'esm',
    target: 'node20',
    charset: 'utf8',
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'external',
    banner: { js: BANNER },
    plugins: [withoutMachineCode, withoutBuilder],
    preserveSymlinks: true, // with node_modules somewhere else, its packages keep their names in the bundle
    tsconfigRaw: {},
    logLevel: 'silent',
  }).catch((error: Error) => {
    throw new CoffreError('unexpected', `cannot bundle ${verbs.join(', ')}: ${error.message.split('\n')[1]}`, {
      hint: 'run: npm run check',
      cause: error,
    });
  });
  assertSelfContained(metafile);
  const relative = ({ path }: OutputFile) => path.slice(outdir.length + 1);
  const [legal, files] = partition([...outputFiles].sort(byPath), ({ path }) => path.endsWith('.LEGAL.txt'));
  return {
    files: new Map(files.map((file) => [relative(file), file.contents])),
    packages: packagesOf(metafile),
    legalComments: [...new Set(legal.map(({ text }) => text))].join('\n'),
  };
}

/** Whatever is not in the bundle has to be Node's own. */
function assertSelfContained({ outputs }: Metafile): void {
  const outside = Object.values(outputs)
    .flatMap(({ imports }) => imports)
    .find(({ path, external }) => external && !isBuiltin(path));
  if (outside) throw new CoffreError('unexpected', `cannot bundle ${outside.path}: it stayed outside of the bundle`);
}

function packagesOf({ outputs }: Metafile): string[] {
  const inputs = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []);
  return [...new Set(folders)].sort();
}

function byPath(left: OutputFile, right: OutputFile): number {
  return left.path < right.path ? -1 : 1;
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): readonly [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}
