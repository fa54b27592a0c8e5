import { expect, test } from 'vitest'
import { assertConditionalWrites } from '../../../connectors/conditional-writes.ts'
import { MemoryObjectStore } from '../../support/memory-object-store.ts'

test('a store that keeps the first of two writes is accepted, and the probe is taken away', async () => {
  const store = new MemoryObjectStore()
  await assertConditionalWrites(store, 'offline')
  expect([...store.objects.keys()]).toEqual([])
})

test('a store that overwrites is refused with a code that stops the component', async () => {
  const store = new MemoryObjectStore()
  store.putIfAbsent = () => Promise.resolve('written')
  await expect(assertConditionalWrites(store, 'offline')).rejects.toMatchObject({
    code: 'SPL_S3_UNCONDITIONAL',
    onError: 'stop',
  })
})
