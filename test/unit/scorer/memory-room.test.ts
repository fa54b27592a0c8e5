import { expect, test } from 'vitest'
import { assertRoom, roomBytes } from '../../../scorer/memory-room.ts'
import { linearVersion } from '../../support/linear-versions.ts'
import { sealedVersion } from '../../support/model-versions.ts'

const MIB = 2 ** 20

test('a network needs room for each of its processes; without it the version is refused', async () => {
  await using version = await linearVersion()
  await expect(assertRoom(version.folder, 2, 255 * MIB)).rejects.toMatchObject({
    code: 'SPL_MODEL_NO_ROOM',
    onError: 'stop',
    message: expect.stringMatching(/needs about 26\d MiB, 255 are free/) as string,
  })
  await expect(assertRoom(version.folder, 2, 270 * MIB)).resolves.toBeUndefined()
})

test('coefficients in this process need next to nothing', async () => {
  await using version = await sealedVersion()
  await expect(assertRoom(version.folder, 64, MIB)).resolves.toBeUndefined()
})

test('as much as was allowed is there; without a limit, what is free', () => {
  expect(roomBytes({ MODEL_MEMORY_MB: 3 })).toBe(3 * MIB)
  expect(roomBytes({ MODEL_MEMORY_MB: undefined })).toBeGreaterThan(MIB)
})
