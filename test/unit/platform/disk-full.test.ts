import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { describeFailure } from '../../../cli/failure.ts'
import { ExternalSort } from '../../../platform/external-sort.ts'
import { localFiles } from '../../../trainers/dataset/dataset-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'disk-full-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const disk = vi.hoisted(() => ({ error: 'ENOSPC' }))

const failing = vi.hoisted(() => () => Object.assign(new Error(`${disk.error}: write`), { code: disk.error }))
vi.mock(import('node:fs'), async (load) => ({
  ...(await load()),
  writeFileSync: () => {
    throw failing()
  },
}))
vi.mock(import('node:fs/promises'), async (load) => {
  const original = await load()
  return {
    ...original,
    writeFile: async (...[file]: Parameters<typeof original.writeFile>) => {
      await original.writeFile(file, 'as much as fitted')
      throw failing()
    },
  }
})

function sort(): void {
  using sorting = new ExternalSort(folder, 300)
  for (let i = 0; i < 50; i++) sorting.add(String(i % 7), Buffer.from('x'.repeat(100)))
}
const write = (): Promise<unknown> => localFiles(folder).putIfAbsent('fit-00000.parquet', Buffer.from('rows'))

test('a full disk is named, and nothing is left on it', async () => {
  disk.error = 'ENOSPC'
  expect(sort).toThrow(expect.objectContaining({ code: 'SPL_DISK_FULL' }))
  await expect(write()).rejects.toMatchObject({ code: 'SPL_DISK_FULL', context: { folder } })
  expect(readdirSync(folder)).toEqual([])
  const error: unknown = await write().catch((cause: unknown) => cause)
  expect(describeFailure(error).text).toMatch(new RegExp(`while writing to ${folder}[^]*Free some room there`))
})

test('any other failure to write is not taken for it', async () => {
  disk.error = 'EIO'
  expect(sort).toThrow('EIO: write')
  await expect(write()).rejects.toMatchObject({ code: 'EIO' })
})
