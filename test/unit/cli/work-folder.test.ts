import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { withWorkFolder } from '../../../cli/work-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'work-folder-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const state = join(root, 'state')
beforeEach(() => {
  rmSync(state, { recursive: true, force: true })
})
/** Larger than any pid that a system gives. */
const NOBODY = 99_999_999

test('a folder is there for the work, and gone when it is done', async () => {
  const seen = await withWorkFolder(state, 'training', (folder) => {
    writeFileSync(join(folder, 'x'), '')
    return Promise.resolve(readdirSync(state))
  })
  expect(seen).toEqual([expect.stringMatching(new RegExp(`^training-${process.pid}-`))])
  expect(readdirSync(state)).toEqual([])
})

test('it is gone when the work fails', async () => {
  await expect(withWorkFolder(state, 'training', () => Promise.reject(new Error('full')))).rejects.toThrow('full')
  expect(readdirSync(state)).toEqual([])
})

test('what killed processes left of the same kind is removed; what others do or own stays', async () => {
  const others = [`training-${process.ppid}-a`, `dataset-building-${NOBODY}-a`, 'models', 'training-x-a']
  for (const name of [...others, `training-${NOBODY}-a`]) mkdirSync(join(state, name), { recursive: true })
  await withWorkFolder(state, 'training', () => Promise.resolve())
  expect(readdirSync(state)).toEqual(others.toSorted())
})
