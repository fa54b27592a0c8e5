import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runChecks } from '../../../scripts/check.ts'
import { addTotals, suiteTotals, summaryLine, type VitestReport } from '../../../scripts/test-totals.ts'

const ROOT = join(import.meta.dirname, '../../..')

describe('totals of a real vitest run', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'suite-'))
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test.each([
    {
      name: 'passing, failing, skipped and planned tests count as what they are',
      files: [`test('a', () => {}); test('b', () => { expect(1).toBe(2) }); test.skip('c', () => {}); test.todo('d')`],
      line: '1 passed, 1 failed, 2 skipped',
    },
    {
      name: 'a file that cannot be loaded counts as one failed test',
      files: [`test('a', () => {})`, `import './absent.ts'; test('b', () => {})`],
      line: '1 passed, 1 failed',
    },
    {
      name: 'a hook that fails after passing tests counts as one failed test',
      files: [`test('a', () => {}); afterAll(() => { throw new Error('left open') })`],
      line: '1 passed, 1 failed',
    },
    {
      name: 'an error outside all tests counts as one failed test',
      files: [`test('a', () => { setImmediate(() => { throw new Error('stray') }) })`],
      line: '1 passed, 1 failed',
    },
    {
      name: 'tests that never ended because their process crashed have failed',
      files: [`test('a', () => {})`, `test('b', () => { process.kill(process.pid, 'SIGKILL') }); test('c', () => {})`],
      line: '1 passed, 2 failed',
    },
    {
      name: 'tests that are all skipped are a failure',
      files: [`test.skip('a', () => {})`],
      line: '0 passed, 1 failed, 1 skipped',
    },
    { name: 'no file is a failure', files: [], line: '0 passed, 1 failed' },
  ])('$name', ({ files, line }) => {
    for (const [i, text] of files.entries()) {
      writeFileSync(join(folder, `${i}.test.ts`), `import { afterAll, expect, test } from 'vitest'\n${text}\n`)
    }
    const report = join(folder, 'report.json')
    const options = ['run', '--pool=forks', `--root=${folder}`, '--reporter=json', `--outputFile=${report}`]
    const { status } = spawnSync(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...options], {
      cwd: folder,
    })
    expect(summaryLine(suiteTotals(reportIn(report), status).totals)).toBe(line)
  })
})

function reportIn(file: string): VitestReport {
  return JSON.parse(readFileSync(file, 'utf8')) as VitestReport
}

test('a runner that ends without a report counts as one failed test', () => {
  expect(suiteTotals(null, null)).toEqual({
    totals: { passed: 0, failed: 1, skipped: 0 },
    complaint: 'the runner wrote no report and ended with null',
  })
})

test('totals of several suites add up; skipped tests are named only if there are any', () => {
  expect(summaryLine(addTotals({ passed: 7, failed: 0, skipped: 0 }, { passed: 40, failed: 2, skipped: 0 }))).toBe(
    '47 passed, 2 failed',
  )
})

test('npm test ends with the totals, and fails when no test matches', () => {
  const { status, stdout } = spawnSync(process.execPath, ['scripts/test.ts', 'unit', 'no-such-file'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  expect(stdout.trim().split('\n').at(-1)).toBe('0 passed, 1 failed')
  expect(status).toBe(1)
})

describe('npm run check', () => {
  const check = (name: string, program: string) => ({ name, command: ['--eval', program], mend: `mend ${name}` })

  test('shows a line for each check, and what to do and why of those that fail', async () => {
    const written: string[] = []
    const results = await runChecks(
      (text) => written.push(text),
      [
        check('good', 'console.log("quiet")'),
        check('bad', 'console.log("seen"); console.error("heard"); process.exit(3)'),
        check('killed', 'process.kill(process.pid, "SIGKILL")'),
        { name: 'absent', command: ['no/such/program.ts'], mend: 'mend absent' },
      ],
    )
    expect(Object.fromEntries(results.map(({ name, passed }) => [name, passed]))).toEqual({
      good: true,
      bad: false,
      killed: false,
      absent: false,
    })
    const text = written.join('')
    expect(text).toMatch(/✓ good \d+\.\d s\n/)
    expect(text).toMatch(/✗ bad \d+\.\d s\nseen\nheard\n {2}to mend: mend bad\n/)
    expect(text).not.toMatch(/quiet|mend good/)
  })
})
