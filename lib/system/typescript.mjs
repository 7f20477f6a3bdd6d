/**
 * Loaded before every task (`.npmrc`, node-options): teaches Node 20 to import TypeScript. Node 22.18 and later do so
 * themselves, and then nothing happens here. Before `npm ci` there is no tsx yet, and nothing here needs it.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The option names this package, which only processes started inside it can resolve: children must not inherit it.
delete process.env.NODE_OPTIONS;

await enableTypeScript();

/** For whoever has just installed tsx. Nothing happens where TypeScript can be imported already, or tsx is missing. */
export async function enableTypeScript() {
  if (/** @type {{ typescript?: unknown }} */ (process.features).typescript) return;
  const tsx = resolveTsx();
  if (tsx) await import(pathToFileURL(tsx).href);
}

function resolveTsx() {
  try {
    return createRequire(import.meta.url).resolve('tsx');
  } catch {
    return undefined;
  }
}
