// Who may import whom: the table of docs/STYLE.md, one rule a line. test/unit/check/imports.test.ts proves each rule.

/** Folders of ours that a folder may import besides itself. `test` and `bench` see all, `cli` all but these two. */
const MAY_IMPORT = {
  schemas: [],
  stats: [],
  features: ['schemas', 'stats'],
  'stream-processors': ['schemas', 'features', 'stats'],
  control: ['schemas', 'features', 'stats'],
  platform: ['schemas'],
  connectors: ['schemas', 'platform'],
  inference: ['schemas', 'features', 'stats', 'platform'],
  producers: ['schemas', 'stats', 'platform'],
  scorer: ['schemas', 'features', 'stats', 'platform', 'inference'],
  replay: ['schemas', 'features', 'stats', 'platform', 'stream-processors', 'inference'],
  trainers: ['schemas', 'features', 'stats', 'platform', 'inference'],
  api: ['schemas', 'features', 'stats', 'platform', 'inference'],
  dashboard: ['schemas'],
  'local-stack': ['platform'],
  scripts: ['schemas', 'platform', 'local-stack'],
}
/** Folders with a `main.ts`, which also opens connectors and starts the platform. */
const STARTED = ['stream-processors', 'control', 'connectors', 'producers', 'scorer', 'replay', 'trainers', 'api']
/** What a `main.ts` puts together besides: control decides, its launcher carries out, in one process. */
const MAIN_ALSO = { control: ['trainers'] }
/** These may know the type of a connector; the value is given to them by `main.ts`. */
const TAKE_CONNECTORS = ['inference', 'producers', 'scorer', 'replay', 'trainers', 'api']
const FOLDERS = [...Object.keys(MAY_IMPORT), 'cli']

const MAIN = '^[^/]+/main\\.ts$'
const PURE = '^(schemas|stats|features|stream-processors|control)/'
const TESTS = '^(test|bench)/'
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`
const inside = (folders) => `^(${folders.join('|')})/`

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

/** What no module of the folder may import. */
function folderRules(folder) {
  const forbid = (name, from, allowed) => {
    const forbidden = FOLDERS.filter((other) => other !== folder && !allowed.includes(other))
    const comment = `may import ${allowed.join(', ') || 'nothing of ours'}`
    return rule(name, comment, from, { path: inside(forbidden) })
  }
  const allowed = MAY_IMPORT[folder]
  const own = TAKE_CONNECTORS.includes(folder) ? [...allowed, 'connectors'] : allowed
  if (!STARTED.includes(folder)) return [forbid(`${folder}-imports`, { path: `^${folder}/` }, own)]
  return [
    forbid(`${folder}-imports`, { path: `^${folder}/`, pathNot: MAIN }, own),
    forbid(`${folder}-main-imports`, { path: `^${folder}/main\\.ts$` }, [
      ...allowed,
      'connectors',
      'platform',
      ...(MAIN_ALSO[folder] ?? []),
    ]),
  ]
}

module.exports = {
  forbidden: [
    ...Object.keys(MAY_IMPORT).flatMap(folderRules),
    rule(
      'connectors-injected',
      'main.ts opens connectors; others take them as a value and know only the type',
      { path: inside(TAKE_CONNECTORS), pathNot: MAIN },
      { path: '^connectors/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'pure-no-node',
      'Pure folders reach nothing of the machine',
      { path: PURE, pathNot: MAIN },
      { dependencyTypes: ['core'] },
    ),
    rule(
      'pure-no-npm',
      'Pure folders take no package but its types',
      { path: PURE, pathNot: MAIN },
      { path: '(^|/)node_modules/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'schemas-and-stats-alone',
      'schemas and stats need no package, not even its types',
      { path: '^(schemas|stats)/' },
      { path: '(^|/)node_modules/' },
    ),
    rule(
      'kafka-client-in-platform',
      'One wrapper of the Kafka client',
      { pathNot: `^platform/|${TESTS}` },
      { path: npm('@confluentinc/kafka-javascript', '@platformatic/kafka') },
    ),
    rule(
      'store-clients-in-connectors',
      'Redis, S3 and PostgreSQL are spoken to in one place each',
      { pathNot: `^connectors/|${TESTS}` },
      { path: npm('ioredis', 'redis', '@redis', 'pg', 'postgres', '@aws-sdk') },
    ),
    rule(
      'kafkajs-in-tests',
      'kafkajs is the independent client that tests compare with, and that the docs show',
      { pathNot: '^(test|docs/examples)/' },
      { path: npm('kafkajs') },
    ),
    rule(
      'no-dev-packages',
      'What is shipped needs no development package',
      { path: inside(FOLDERS.filter((folder) => folder !== 'scripts')) },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
    // the launcher is how cli/main.ts is started under any Node
    rule('main-is-leaf', 'A main.ts is started, never imported', { pathNot: '^cli/shield\\.js$' }, { path: MAIN }),
    rule('tests-unseen', 'Nobody imports tests', { pathNot: TESTS }, { path: TESTS }),
    rule('no-cycles', 'No cycles', {}, { circular: true }),
    rule(
      'resolves',
      'Every import resolves: a rule that cannot resolve a package passes silently',
      {},
      { couldNotResolve: true },
    ),
    rule(
      'declared-packages',
      'Every package stands in package.json',
      {},
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    ),
    rule(
      'names-that-say-something',
      'No utils, helpers, common, shared, misc; no barrel',
      {},
      { path: '^(?!.*node_modules/).*(^|/)((utils?|helpers?|common|shared|misc)(/|\\.[cm]?[jt]s$)|index\\.ts$)' },
    ),
  ],
  options: {
    doNotFollow: { path: '(^|/)node_modules/' },
    tsPreCompilationDeps: true, // type-only imports count as well
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.node'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types', 'require'],
    },
  },
}
