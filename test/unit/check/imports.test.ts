import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkImports, importRules, type ImportReport } from '../../../scripts/check-imports.ts'

const ROOT = join(import.meta.dirname, '../../..')
const FOLDERS =
  'schemas stats features stream-processors control platform connectors inference producers scorer replay trainers api dashboard cli local-stack bench test scripts'

/** One bad import for each rule: a folder stands for a module in it, `./` for the root. */
const BAD: readonly (readonly [rule: string, module: string, imported: string])[] = [
  ['schemas-imports', 'schemas/a.ts', 'stats'],
  ['stats-imports', 'stats/a.ts', 'schemas'],
  ['features-imports', 'features/a.ts', 'platform'],
  ['stream-processors-imports', 'stream-processors/a.ts', 'platform'],
  ['stream-processors-main-imports', 'stream-processors/main.ts', 'scorer'],
  ['control-imports', 'control/a.ts', 'connectors'],
  ['control-main-imports', 'control/main.ts', 'scorer'],
  ['platform-imports', 'platform/a.ts', 'stream-processors'],
  ['connectors-imports', 'connectors/a.ts', 'features'],
  ['connectors-main-imports', 'connectors/main.ts', 'scorer'],
  ['inference-imports', 'inference/a.ts', 'scorer'],
  ['producers-imports', 'producers/a.ts', 'features'],
  ['producers-main-imports', 'producers/main.ts', 'features'],
  ['scorer-imports', 'scorer/a.ts', 'stream-processors'],
  ['scorer-main-imports', 'scorer/main.ts', 'api'],
  ['replay-imports', 'replay/a.ts', 'scorer'],
  ['replay-main-imports', 'replay/main.ts', 'control'],
  ['trainers-imports', 'trainers/a.ts', 'control'],
  ['trainers-main-imports', 'trainers/main.ts', 'replay'],
  ['api-imports', 'api/a.ts', 'scorer'],
  ['api-main-imports', 'api/main.ts', 'stream-processors'],
  ['dashboard-imports', 'dashboard/a.ts', 'api'],
  ['local-stack-imports', 'local-stack/a.ts', 'connectors'],
  ['scripts-imports', 'scripts/a.ts', 'scorer'],
  ['connectors-injected', 'scorer/b.ts', 'connectors'],
  ['pure-no-node', 'features/b.ts', 'node:fs'],
  ['pure-no-npm', 'stream-processors/b.ts', 'avsc'],
  ['schemas-and-stats-alone', 'stats/b.ts', 'type avsc'],
  ['kafka-client-in-platform', 'scorer/c.ts', '@confluentinc/kafka-javascript'],
  ['kafka-client-in-platform', 'cli/c.ts', '@platformatic/kafka'],
  ['store-clients-in-connectors', 'platform/c.ts', 'ioredis'],
  ['kafkajs-in-tests', 'bench/c.ts', 'kafkajs'],
  ['no-dev-packages', 'cli/d.ts', 'fast-check'],
  ['main-is-leaf', 'cli/e.ts', './scorer/main.ts'],
  ['tests-unseen', 'cli/f.ts', 'test'],
  ['no-cycles', 'platform/ring-end.ts', './platform/ring.ts'],
  ['resolves', 'cli/g.ts', './cli/absent.ts'],
  ['declared-packages', 'cli/h.ts', 'acorn'],
  ['names-that-say-something', 'cli/i.ts', './cli/utils.ts'],
  ['names-that-say-something', 'cli/j.ts', './platform/common/clock.ts'],
  ['names-that-say-something', 'cli/k.ts', './platform/index.ts'],
]

/** Modules that some of the above import. A ring is reported once, at its first module. */
const TARGETS: readonly (readonly [module: string, text: string])[] = [
  ['platform/ring.ts', "import { x } from './ring-end.ts'\n"],
  ['cli/utils.ts', 'export {}\n'],
  ['platform/common/clock.ts', 'export {}\n'],
  ['platform/index.ts', 'export {}\n'],
]

/** What the table of docs/STYLE.md allows must pass. */
const GOOD: readonly (readonly [module: string, imported: string])[] = [
  ['features/good.ts', 'stats'],
  ['features/typed.ts', 'type avsc'],
  ['platform/good.ts', '@confluentinc/kafka-javascript'],
  ['connectors/good.ts', 'ioredis'],
  ['scorer/injected.ts', 'type connectors'],
  ['stream-processors/wiring.ts', 'features'],
  ['replay/folds.ts', 'stream-processors'],
  ['producers/good.ts', 'stats'],
  ['cli/good.ts', 'connectors'],
  ['cli/world.ts', 'producers'],
  ['local-stack/good.ts', 'platform'],
  ['test/good.ts', 'kafkajs'],
  ['bench/good.ts', 'test'],
]

const folders = new Set(FOLDERS.split(' '))

function moduleText(imported: string): string {
  const [kind, target] = imported.startsWith('type ') ? ['type ', imported.slice(5)] : ['', imported]
  const ours = folders.has(target) ? `../${target}/leaf.ts` : target.replace(/^\.\//, '../')
  return `import ${kind}{ x } from '${ours}'\n`
}

let tree = ''
let report: ImportReport

beforeAll(async () => {
  tree = mkdtempSync(join(tmpdir(), 'imports-'))
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  for (const file of ['package.json', 'tsconfig.json']) cpSync(join(ROOT, file), join(tree, file))
  const write = (module: string, text: string): void => {
    mkdirSync(join(tree, dirname(module)), { recursive: true })
    writeFileSync(join(tree, module), text)
  }
  for (const folder of folders) write(`${folder}/leaf.ts`, 'export {}\n')
  for (const [module, text] of TARGETS) write(module, text)
  for (const [, module, imported] of BAD) write(module, moduleText(imported))
  for (const [module, imported] of GOOD) write(module, moduleText(imported))
  report = await checkImports(tree)
})
afterAll(() => rmSync(tree, { recursive: true }))

test.each(BAD)('%s: %s must not import %s', (rule, module) => {
  expect(report.violations.filter(({ from }) => from === module).map((violation) => violation.rule)).toContain(rule)
})

test.each(GOOD)('%s may import %s', (module) => {
  expect(report.violations.filter(({ from }) => from === module)).toEqual([])
})

test('every rule has a bad import that it catches', async () => {
  expect([...new Set(BAD.map(([rule]) => rule))].sort()).toEqual((await importRules()).sort())
})

test('every module on disk is looked at, in any folder', () => {
  expect(report.unseen).toEqual([])
  expect(new Set(report.modules)).toEqual(
    new Set([
      ...[...folders].map((folder) => `${folder}/leaf.ts`),
      ...BAD.map(([, module]) => module),
      ...GOOD.map(([module]) => module),
      ...TARGETS.map(([module]) => module),
    ]),
  )
})
