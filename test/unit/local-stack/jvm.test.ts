import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sharedClasses } from '../../../local-stack/jvm.ts'
import type { Tools } from '../../../local-stack/tools.ts'

let folder: string
let tools: Tools

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jvm-'))
  writeFileSync(join(folder, 'java'), '')
  const paths = { kafkaLibs: '', registryJar: '', valkeyServer: '', kafkaVersion: '' }
  tools = { ...paths, java: join(folder, 'java'), javaMajor: 17, classArchives: join(folder, 'classes') }
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** File of the archive that the options name. */
const archiveOf = (options: string[]): string => options.at(-1)?.split('=')[1] ?? ''

test('Java 17 writes the archive at its first end and reads it from then on', () => {
  const [first] = sharedClasses(tools, 'kafka')
  expect(first).toMatch(/^-XX:ArchiveClassesAtExit=/)
  writeFileSync(archiveOf([first ?? '']), Buffer.from([0xa8, 0xab, 0x0b, 0xf0]))
  expect(sharedClasses(tools, 'kafka').at(-1)).toMatch(/^-XX:SharedArchiveFile=/)
})

test('an archive whose writer was killed is written anew', () => {
  writeFileSync(archiveOf(sharedClasses(tools, 'kafka')), Buffer.alloc(4096))
  expect(sharedClasses(tools, 'kafka')[0]).toMatch(/^-XX:ArchiveClassesAtExit=/)
})

test('another class path or another Java has another archive', () => {
  writeFileSync(join(folder, 'other-java'), '')
  const archives = [
    sharedClasses(tools, 'kafka'),
    sharedClasses(tools, 'registry'),
    sharedClasses({ ...tools, java: join(folder, 'other-java') }, 'kafka'),
  ].map(archiveOf)
  expect(new Set(archives).size).toBe(3)
})

test('newer Java keeps its archive by itself', () => {
  const options = sharedClasses({ ...tools, javaMajor: 25 }, 'kafka')
  expect(options[0]).toBe('-XX:+AutoCreateSharedArchive')
})
