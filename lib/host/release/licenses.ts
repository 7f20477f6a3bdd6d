import { readdir } from 'node:fs/promises';
import { join, parse as parsePath } from 'node:path';
import * as z from 'zod';
import { readRequired } from '../../system/files.ts';

const PackageJson = z.object({ name: z.string(), version: z.string(), license: z.string().optional() });

/** The licences of the packages in these folders of `root`, under their names and versions, as one text. */
export async function licensesOf(root: string, folders: readonly string[], legalComments: string): Promise<string> {
  const texts = await Promise.all(folders.map((folder) => licenseOf(join(root, folder))));
  const [own, embedded] = [await licenseOf(root), legalComments.trim()];
  const rest = embedded === '' ? [] : [`Kept from the sources of these packages\n\n${embedded}\n`];
  return [own, ...texts, ...rest].join(`\n${'='.repeat(80)}\n`);
}

async function licenseOf(folder: string): Promise<string> {
  const { name, version, license } = PackageJson.parse(
    JSON.parse(`${await readRequired(join(folder, 'package.json'))}`),
  );
  const files = (await filesOf(folder)).filter((file) =>
    /^(3rd-party-)?(licen[cs]es?|notice|copying)\b/i.test(parsePath(file).base),
  );
  const texts = await Promise.all(
    files.sort().map(async (file) => (await readRequired(join(folder, file))).toString('utf8')),
  );
  return `${name} ${version} (${license ?? 'see below'})\n\n${texts.join('\n')}`;
}

/** The files of a package, wherever in it; the project itself is no package: its own licence stands at its top. */
async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  if (names.includes('node_modules')) return names;
  return await readdir(folder, { recursive: true });
}
