import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { SpoilerError } from '../platform/spoiler-error.ts'

export const MANIFEST_FILE = 'manifest.json'

/** Hexadecimal digits of a version: 64 bits of SHA-256. */
export const VERSION_DIGITS = 16

/** A model version folder in memory: what is verified is what is used. */
export interface ModelFiles {
  readonly folder: string
  readonly bytes: ReadonlyMap<string, Buffer>
}

/** @throws SpoilerError SPL_MODEL_INVALID (stop), naming folder and file. */
export function invalidModel(folder: string, file: string, problem: string, cause?: unknown): SpoilerError {
  return new SpoilerError('SPL_MODEL_INVALID', `loading the model version in ${folder}\n${file}: ${problem}`, {
    onError: 'stop',
    context: { folder, file },
    cause,
  })
}

/** Reads every file of the folder. */
export async function readModelFiles(folder: string): Promise<ModelFiles> {
  const names = (await readOrRefuse(folder, '.', () => readdir(folder))).toSorted()
  const read = async (name: string) => [name, await readModelFile(folder, name)] as const
  return { folder, bytes: new Map(await Promise.all(names.map(read))) }
}

export function readModelFile(folder: string, name: string): Promise<Buffer> {
  return readOrRefuse(folder, name, () => readFile(join(folder, name)))
}

async function readOrRefuse<T>(folder: string, file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw invalidModel(folder, file, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

export function fileOf({ folder, bytes }: ModelFiles, name: string): Buffer {
  const found = bytes.get(name)
  if (found === undefined) throw invalidModel(folder, name, 'missing')
  return found
}

/** Parses one JSON text of the folder and proves its shape; the error names file and field. */
export function parseJson<T>(schema: z.ZodType<T>, text: string, folder: string, file: string): T {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw invalidModel(folder, file, 'is no JSON', cause)
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  throw invalidModel(folder, file, z.prettifyError(parsed.error), parsed.error)
}

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** SHA-256 of every file but the manifest, by name. */
export function hashesOf({ bytes }: ModelFiles): Record<string, string> {
  const others = [...bytes].filter(([name]) => name !== MANIFEST_FILE)
  return Object.fromEntries(others.map(([name, content]) => [name, sha256(content)]))
}

/**
 * Content hash of a version: of its manifest without the field `version`, as JSON with sorted keys and without
 * spaces. The manifest holds the hash of every other file, so it covers the whole folder.
 */
export function contentHash(manifestWithoutVersion: unknown): string {
  return sha256(JSON.stringify(manifestWithoutVersion, sortKeys)).slice(0, VERSION_DIGITS)
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
