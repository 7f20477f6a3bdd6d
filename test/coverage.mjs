/**
 * Loaded before every test, for the coverage on Node 20. The source maps of tsx hold null in place of the text of the
 * source, which tap's report takes for a file without lines: all of it covered. Without the field it reads the file.
 */
import module, { syncBuiltinESMExports } from 'node:module';

const { findSourceMap } = module;

module.findSourceMap = (...args) => {
  const map = findSourceMap(...args);
  if (!map?.payload.sourcesContent?.some((text) => text === null)) return map;
  const { sourcesContent: _, ...payload } = map.payload;
  return Object.defineProperty(map, 'payload', { value: payload });
};
syncBuiltinESMExports();
