/**
 * The floors: imports point down only, rooms on one floor do not know each other, no circles; type imports count.
 *
 *   tasks 5 → lib/flow 4 → the rooms 3 → lib/system 2 → lib/model 1
 */
const rooms = 'inventory|database|archive|seal|storage|audit|host|report|notify';

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'model-is-the-ground',
      severity: 'error',
      from: { path: '^lib/model/' },
      to: { path: '^(lib|tasks|test)/', pathNot: '^lib/model/' },
    },
    {
      name: 'system-imports-down',
      severity: 'error',
      from: { path: '^lib/system/' },
      to: { path: '^(lib|tasks|test)/', pathNot: '^lib/(system|model)/' },
    },
    {
      name: 'rooms-do-not-know-each-other',
      severity: 'error',
      from: { path: `^lib/(${rooms})/` },
      to: { path: '^(lib|tasks|test)/', pathNot: '^lib/($1|system|model)/' },
    },
    { name: 'flows-import-down', severity: 'error', from: { path: '^lib/flow/' }, to: { path: '^(tasks|test)/' } },
    {
      name: 'no-unknown-room',
      severity: 'error',
      from: { path: '^lib/', pathNot: `^lib/(model|system|flow|${rooms})/` },
      to: {},
    },
    {
      name: 'tasks-stay-thin',
      severity: 'error',
      from: { path: '^tasks/' },
      to: { path: `^(test/|lib/(database|archive|seal|storage|audit|host)/)` },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'runs-on-dependencies',
      severity: 'error',
      from: { path: '^(lib|tasks)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    includeOnly: { path: '^(lib|tasks|test|node_modules)' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
