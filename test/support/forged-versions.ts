import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contentHash, hashesOf, MANIFEST_FILE, readModelFiles } from '../../inference/model-files.ts'

type Manifest = Record<string, unknown>

/** Changes a sealed folder behind its seal: the manifest still promises what was there. */
export async function damage(folder: string, file: string): Promise<void> {
  await writeFile(join(folder, file), `${await readFile(join(folder, file), 'utf8')} `)
}

/** Changes a sealed folder and seals it again without any proof. @returns its version. */
export async function reseal(
  folder: string,
  { manifest = {}, golden = (text) => text }: { manifest?: Manifest; golden?: (text: string) => string },
): Promise<string> {
  const file = join(folder, 'golden.jsonl')
  await writeFile(file, golden(await readFile(file, 'utf8')))
  const before = JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')) as Manifest
  const { version: _, ...content } = {
    ...before,
    ...manifest,
    files: hashesOf(await readModelFiles(folder)),
  } as Manifest
  const version = contentHash(content)
  await writeFile(join(folder, MANIFEST_FILE), JSON.stringify({ version, ...content }))
  return version
}
