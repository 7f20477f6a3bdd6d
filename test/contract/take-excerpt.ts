import { readFileSync, writeFileSync } from 'node:fs';

/*
 * Takes the operations that publishing uses out of GitHub's own description of its REST API, which is 13 MB, and writes
 * them beside this file without their prose:
 *
 *   npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-*.tgz
 *   node --import=tsx test/contract/take-excerpt.ts package/generated/api.github.com.json
 */

type Json = { readonly [key: string]: Json } & readonly Json[];

const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  '/app/installations/{installation_id}/access_tokens': ['post'],
  '/repos/{owner}/{repo}': ['get'],
  '/repos/{owner}/{repo}/contents/{path}': ['put'],
  '/repos/{owner}/{repo}/git/blobs': ['post'],
  '/repos/{owner}/{repo}/git/blobs/{file_sha}': ['get'],
  '/repos/{owner}/{repo}/git/commits': ['post'],
  '/repos/{owner}/{repo}/git/commits/{commit_sha}': ['get'],
  '/repos/{owner}/{repo}/git/ref/{ref}': ['get'],
  '/repos/{owner}/{repo}/git/refs': ['post'],
  '/repos/{owner}/{repo}/git/refs/{ref}': ['patch'],
  '/repos/{owner}/{repo}/git/trees': ['post'],
  '/repos/{owner}/{repo}/git/trees/{tree_sha}': ['get'],
};
const PROSE = ['description', 'summary', 'examples', 'example', 'externalDocs', 'tags', 'x-github', 'headers', 'title'];

const [, , file = ''] = process.argv;
const whole = JSON.parse(readFileSync(file, 'utf8')) as Json;
const components: Record<string, Record<string, unknown>> = {};

const paths = Object.fromEntries(
  Object.entries(OPERATIONS).map(([path, methods]) => [
    path,
    Object.fromEntries(
      methods.map((method) => {
        const { operationId, responses, requestBody } = (whole.paths?.[path]?.[method] ?? {}) as Json;
        return [method, strip({ operationId, responses, requestBody } as unknown as Json, '')];
      }),
    ),
  ]),
);
const excerpt = {
  $comment:
    "An excerpt of GitHub's own description of its REST API (MIT license), as the npm package @octokit/openapi 23.0.2 has it: what publishing asks for, without prose, and with anyOf for oneOf. take-excerpt.ts has made it.",
  openapi: whole.openapi,
  paths,
  components: Object.fromEntries(Object.entries(components).map(([kind, all]) => [kind, sorted(all)])),
};
writeFileSync(new URL('github-git-data.json', import.meta.url), `${JSON.stringify(excerpt)}\n`);

/** A copy without prose; what it refers to is taken along. In a map of properties each name is one, also `description`. */
function strip(value: Json, key: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => strip(each as Json, ''));
  const { $ref } = value as { readonly $ref?: unknown };
  if (typeof $ref === 'string') {
    const [, , kind = '', name = ''] = $ref.split('/');
    components[kind] ??= {};
    const taken = components[kind];
    if (taken[name] === undefined) {
      taken[name] = {};
      taken[name] = strip(whole.components?.[kind]?.[name] as Json, '');
    }
    return { $ref };
  }
  const isMapOfNames = key === 'properties';
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => isMapOfNames || !PROSE.includes(name))
      .map(([name, each]) => [
        // Alternatives of the description fit each other's values: none of them is the only one that does.
        name === 'oneOf' ? 'anyOf' : name,
        strip(each, isMapOfNames ? '' : name),
      ]),
  );
}

function sorted(all: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}
