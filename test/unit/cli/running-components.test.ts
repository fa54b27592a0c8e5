import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ComponentsFile, readRunningComponents } from '../../../cli/running-components.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'components-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const COMPONENTS = [
  { name: 'folds', state: 'running', pid: 1, url: 'http://127.0.0.1:1', restarts: 2, lastFailure: undefined },
  { name: 'world', state: 'finished', pid: undefined, url: undefined, restarts: 0, lastFailure: undefined },
] as const

test('another process reads what runs, until the file is taken away', () => {
  {
    using file = new ComponentsFile(folder)
    file.write(COMPONENTS)
    expect(readRunningComponents(folder)).toEqual(COMPONENTS)
  }
  expect(readRunningComponents(folder)).toBeUndefined()
})

test('what a killed supervisor left behind is not taken for running', () => {
  using file = new ComponentsFile(folder)
  file.write(COMPONENTS)
  const path = join(folder, 'components.json')
  const record = JSON.parse(readFileSync(path, 'utf8')) as { supervisor: { startedAt: string } }
  record.supervisor.startedAt = 'another boot'
  writeFileSync(path, JSON.stringify(record))
  expect(readRunningComponents(folder)).toBeUndefined()
})

test('a damaged file is as good as none', () => {
  writeFileSync(join(folder, 'components.json'), '{"components": [')
  expect(readRunningComponents(folder)).toBeUndefined()
})
