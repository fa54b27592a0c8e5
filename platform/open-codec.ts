import { join } from 'node:path'
import { avroSchemas } from '../schemas/generated.ts'
import { type Topic, topics } from '../schemas/topics.ts'
import type { Config } from './config.ts'
import { RecordCodec, type Subject } from './record-codec.ts'
import { httpSchemaRegistry, SchemaIdCache, type SchemaRegistry } from './schema-registry.ts'
import { SpoilerError } from './spoiler-error.ts'

/** The subjects of every declared topic. */
export function topicSubjects(): Subject[] {
  return Object.values(topics as Record<string, Topic<never>>).map(({ name, schema, compatibility }) => ({
    subject: `${name}-value`,
    schema,
    compatibility,
  }))
}

export interface OpenedCodec {
  readonly codec: RecordCodec
  /**
   * Compares ids that came from the cache with the registry. Resolves at once when none did.
   *
   * @throws SpoilerError SPL_SCHEMA_CACHE_STALE, SPL_SCHEMA_REFUSED to be mended; SPL_REGISTRY_UNAVAILABLE to be retried.
   */
  verify(): Promise<void>
}

/**
 * Makes a codec that knows the ids of all our schemas: from the cache on disk without asking anybody, else by
 * registering them.
 *
 * @throws SpoilerError SPL_REGISTRY_UNAVAILABLE when an id is not cached and the registry does not answer.
 */
export async function openCodec(
  config: Pick<Config, 'SCHEMA_REGISTRY_URL' | 'SCHEMA_REGISTRY_AUTH' | 'STATE_DIR'>,
  subjects: readonly Subject[],
): Promise<OpenedCodec> {
  const registry = httpSchemaRegistry(config)
  const cache = new SchemaIdCache(join(config.STATE_DIR, 'schema-ids.json'))
  const codec = new RecordCodec(registry)
  const cached = subjects.filter(({ subject, schema }) => cache.get(subject, avroSchemas[schema]) !== undefined)
  const unknown = subjects.filter((subject) => !cached.includes(subject))
  const registered = await registerAll(registry, unknown)
  if (unknown.length > 0)
    cache.save(registered.map(({ subject, id }) => [subject.subject, avroSchemas[subject.schema], id]))
  for (const subject of cached) codec.learn(subject, cache.get(subject.subject, avroSchemas[subject.schema]) as number)
  for (const { subject, id } of registered) codec.learn(subject, id)
  return {
    codec,
    verify: async () => {
      for (const { subject, id } of await registerAll(registry, cached)) {
        const remembered = cache.get(subject.subject, avroSchemas[subject.schema])
        if (remembered !== id) throw stale(subject.subject, remembered, id, config.STATE_DIR)
      }
    },
  }
}

async function registerAll(
  registry: SchemaRegistry,
  subjects: readonly Subject[],
): Promise<{ subject: Subject; id: number }[]> {
  return Promise.all(
    subjects.map(async (subject) => ({
      subject,
      id: await registry.register(subject.subject, avroSchemas[subject.schema], subject.compatibility),
    })),
  )
}

function stale(subject: string, remembered: number | undefined, id: number, folder: string): SpoilerError {
  const doing = [
    `checking the schema-id cache: ${subject} was remembered as ${String(remembered)}, the registry has it as ${id}.`,
    `The registry is another one, or was emptied. Delete ${folder}/schema-ids.json and start again; records written since`,
    'the start carry ids that the registry does not know.',
  ]
  return new SpoilerError('SPL_SCHEMA_CACHE_STALE', doing.join('\n'), { onError: 'stop' })
}
