import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Compatibility } from '../schemas/topics.ts'
import type { Config } from './config.ts'
import { SpoilerError } from './spoiler-error.ts'

/** A Confluent-compatible schema registry, as far as this project needs it. */
export interface SchemaRegistry {
  /** Registers a schema, or finds it; sets the compatibility mode of the subject first. Returns its id. */
  register(subject: string, schema: object, compatibility: Compatibility): Promise<number>
  /** The schema of an id, or null when the registry does not know it. */
  schemaOf(id: number): Promise<object | null>
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'
const Registered = z.object({ id: z.number().int() })
const Found = z.object({ schema: z.string() })

/** @throws (from its methods) SpoilerError SPL_REGISTRY_UNAVAILABLE, to be retried; SPL_SCHEMA_REFUSED, to be mended. */
export function httpSchemaRegistry(
  config: Pick<Config, 'SCHEMA_REGISTRY_URL' | 'SCHEMA_REGISTRY_AUTH'>,
): SchemaRegistry {
  const base = config.SCHEMA_REGISTRY_URL.replace(/\/$/, '')
  const headers: Record<string, string> = { 'content-type': CONTENT_TYPE }
  if (config.SCHEMA_REGISTRY_AUTH !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(config.SCHEMA_REGISTRY_AUTH).toString('base64')}`
  }
  const call = async (method: string, path: string, body?: object): Promise<Response> => {
    const doing = `asking the schema registry for ${method} ${path}`
    const payload = body === undefined ? {} : { body: JSON.stringify(body) }
    const signal = AbortSignal.timeout(10_000)
    const response = await fetch(`${base}${path}`, { method, headers, signal, ...payload }).catch((cause: unknown) => {
      throw new SpoilerError('SPL_REGISTRY_UNAVAILABLE', doing, { onError: 'retry', cause })
    })
    if (response.status < 500) return response
    throw new SpoilerError('SPL_REGISTRY_UNAVAILABLE', `${doing}: status ${response.status}`, { onError: 'retry' })
  }
  const refused = async (subject: string, response: Response): Promise<SpoilerError> =>
    new SpoilerError('SPL_SCHEMA_REFUSED', `registering ${subject}: ${response.status} ${await response.text()}`, {
      onError: 'stop',
    })
  // Apicurio answers before it has read its journal: it does not see a rule that it then finds there
  const stillRestoring = async (subject: string, response: Response): Promise<SpoilerError> =>
    new SpoilerError('SPL_REGISTRY_UNAVAILABLE', `setting the mode of ${subject}: ${await response.text()}`, {
      onError: 'retry',
    })
  return {
    register: async (subject, schema, compatibility) => {
      const path = encodeURIComponent(subject)
      const mode = await call('PUT', `/config/${path}`, { compatibility })
      if (mode.status === 409) throw await stillRestoring(subject, mode)
      if (!mode.ok) throw await refused(subject, mode)
      const response = await call('POST', `/subjects/${path}/versions`, { schema: JSON.stringify(schema) })
      if (!response.ok) throw await refused(subject, response)
      return Registered.parse(await response.json()).id
    },
    schemaOf: async (id) => {
      const response = await call('GET', `/schemas/ids/${id}`)
      if (response.status === 404) return null
      return JSON.parse(Found.parse(await response.json()).schema) as object
    },
  }
}

const CacheFile = z.record(z.string(), z.object({ id: z.number().int(), schema: z.string() }))

/**
 * Ids of our own schemas, kept on disk so that a start does not wait for the registry. An entry counts only while the
 * schema is the same as when it was registered.
 */
export class SchemaIdCache {
  readonly #file: string
  readonly #entries: Map<string, { readonly id: number; readonly schema: string }>

  constructor(file: string) {
    this.#file = file
    this.#entries = new Map(Object.entries(readCache(file)))
  }

  get(subject: string, schema: object): number | undefined {
    const entry = this.#entries.get(subject)
    return entry?.schema === JSON.stringify(schema) ? entry.id : undefined
  }

  /** Adds entries and writes the file in one rename, so that a reader never sees half of it. */
  save(entries: Iterable<readonly [subject: string, schema: object, id: number]>): void {
    for (const [subject, schema, id] of entries) this.#entries.set(subject, { id, schema: JSON.stringify(schema) })
    mkdirSync(dirname(this.#file), { recursive: true })
    const unfinished = `${this.#file}.${process.pid}`
    writeFileSync(unfinished, JSON.stringify(Object.fromEntries(this.#entries), null, 1))
    renameSync(unfinished, this.#file)
  }
}

/** A damaged or missing cache is an empty one: it is only a shortcut. */
function readCache(file: string): z.infer<typeof CacheFile> {
  try {
    return CacheFile.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return {}
  }
}
