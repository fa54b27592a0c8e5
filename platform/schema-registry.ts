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
const Found = z.object({ schema: z.string().transform((text) => JSON.parse(text) as object) })
/** Request timeout, too many requests: no word about the schema. */
const ASK_LATER = new Set([408, 429])

/** @throws (from its methods) SpoilerError SPL_REGISTRY_UNAVAILABLE, to be retried; SPL_SCHEMA_REFUSED, to be mended. */
export function httpSchemaRegistry(
  config: Pick<Config, 'SCHEMA_REGISTRY_URL' | 'SCHEMA_REGISTRY_AUTH'>,
): SchemaRegistry {
  const base = config.SCHEMA_REGISTRY_URL.replace(/\/$/, '')
  const headers: Record<string, string> = { 'content-type': CONTENT_TYPE }
  if (config.SCHEMA_REGISTRY_AUTH !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(config.SCHEMA_REGISTRY_AUTH).toString('base64')}`
  }
  const call = async (method: string, path: string, body?: object): Promise<Answer> => {
    const doing = `asking the schema registry for ${method} ${path}`
    const payload = body === undefined ? {} : { body: JSON.stringify(body) }
    const signal = AbortSignal.timeout(10_000)
    const answer = await fetch(`${base}${path}`, { method, headers, signal, ...payload })
      .then(async (response) => ({ doing, status: response.status, ok: response.ok, text: await response.text() }))
      .catch((cause: unknown) => {
        throw unavailable(doing, cause)
      })
    if (answer.status < 500 && !ASK_LATER.has(answer.status)) return answer
    throw unavailable(`${doing}: status ${answer.status}`)
  }
  return {
    register: async (subject, schema, compatibility) => {
      const path = encodeURIComponent(subject)
      const mode = await call('PUT', `/config/${path}`, { compatibility })
      // Apicurio answers before it has read its journal: it does not see a rule that it then finds there
      if (mode.status === 409) throw unavailable(`setting the mode of ${subject}: ${mode.text}`)
      if (!mode.ok) throw refused(subject, mode)
      const registered = await call('POST', `/subjects/${path}/versions`, { schema: JSON.stringify(schema) })
      if (!registered.ok) throw refused(subject, registered)
      return understand(registered, Registered).id
    },
    schemaOf: async (id) => {
      const found = await call('GET', `/schemas/ids/${id}`)
      return found.status === 404 ? null : understand(found, Found).schema
    },
  }
}

interface Answer {
  readonly doing: string
  readonly status: number
  readonly ok: boolean
  readonly text: string
}

function understand<T>({ doing, status, ok, text }: Answer, expected: z.ZodType<T>): T {
  try {
    if (ok) return expected.parse(JSON.parse(text))
  } catch {
    // a page of a proxy, or another service: it may be the registry again later
  }
  throw unavailable(`${doing}: status ${status} and no answer of a registry: ${text.slice(0, 200)}`)
}

function unavailable(doing: string, cause?: unknown): SpoilerError {
  return new SpoilerError('SPL_REGISTRY_UNAVAILABLE', doing, { onError: 'retry', cause })
}

function refused(subject: string, { status, text }: Answer): SpoilerError {
  return new SpoilerError('SPL_SCHEMA_REFUSED', `registering ${subject}: ${status} ${text}`, { onError: 'stop' })
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
