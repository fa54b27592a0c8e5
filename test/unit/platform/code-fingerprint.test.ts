import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { codeFingerprint } from '../../../platform/code-fingerprint.ts'
import { RECORDED_FOLDS } from '../../../replay/recorded-folds.ts'

const SOURCES = {
  'folds/fold.ts':
    "import { one } from '../maths/one.ts'\nimport type { T } from '../types.ts'\nexport const fold = (t: T) => one + t\n",
  'maths/one.ts':
    "import {\n  two,\n} from './two.ts'\nexport { three } from './three.ts'\nexport const one = two - 1\n",
  'maths/two.ts': "import { one } from './one.ts'\nexport const two = 2 // and back: a cycle\n",
  'maths/three.ts': 'export const three = 3\n',
  'types.ts': 'export type T = number\n',
  'maths/beside.ts': 'export const beside = 4\n',
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fingerprint-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function fingerprintOf(sources: Readonly<Record<string, string>>, place = 'a'): string {
  for (const [path, source] of Object.entries(sources)) {
    const file = join(folder, place, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, source)
  }
  return codeFingerprint(pathToFileURL(join(folder, place, 'folds/fold.ts')))
}

test('equal code has an equal fingerprint, wherever it lies', () => {
  expect(fingerprintOf(SOURCES, 'b')).toBe(fingerprintOf(SOURCES, 'a'))
})

test.each(['folds/fold.ts', 'maths/one.ts', 'maths/two.ts', 'maths/three.ts'])(
  'a change of %s, which runs, makes another one',
  (path) => {
    const changed = { ...SOURCES, [path]: `${SOURCES[path as keyof typeof SOURCES]}// changed\n` }
    expect(fingerprintOf(changed, 'b')).not.toBe(fingerprintOf(SOURCES, 'a'))
  },
)

test.each(['types.ts', 'maths/beside.ts'])('a change of %s, which does not run, changes nothing', (path) => {
  const changed = { ...SOURCES, [path]: 'export type T = 5\n' }
  expect(fingerprintOf(changed, 'b')).toBe(fingerprintOf(SOURCES, 'a'))
})

test('the folds that are replayed have fingerprints of their own', () => {
  const prints = Object.values(RECORDED_FOLDS).map(({ module }) => codeFingerprint(module))
  expect(new Set(prints).size).toBe(prints.length)
  for (const print of prints) expect(print).toMatch(/^[0-9a-f]{16}$/)
})
