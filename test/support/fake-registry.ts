import type { SchemaRegistry } from '../../platform/schema-registry.ts'
import { changelogSubjects, type StoreSchemas } from '../../platform/changelog.ts'
import { topicSubjects } from '../../platform/open-codec.ts'
import { RecordCodec } from '../../platform/record-codec.ts'
import { avroSchemas } from '../../schemas/generated.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'

/** Schemas by id; says how often it was asked, and may be down. */
export class FakeRegistry implements SchemaRegistry {
  readonly schemas = new Map<number, object>()
  readonly asked: number[] = []
  down = false

  register(): Promise<number> {
    return Promise.reject(new Error('nobody registers here'))
  }

  schemaOf(id: number): Promise<object | null> {
    this.asked.push(id)
    const refused = new SpoilerError('SPL_REGISTRY_UNAVAILABLE', 'asking a registry that is down', { onError: 'retry' })
    return this.down ? Promise.reject(refused) : Promise.resolve(this.schemas.get(id) ?? null)
  }
}

/** A codec that knows every topic and the stores of a fold, with ids from 1. */
export function learnedCodec(registry: FakeRegistry, processor?: { name: string; stores: StoreSchemas }): RecordCodec {
  const codec = new RecordCodec(registry)
  const stores = processor === undefined ? [] : changelogSubjects(processor.name, processor.stores)
  for (const [index, subject] of [...topicSubjects(), ...stores].entries()) {
    codec.learn(subject, index + 1)
    registry.schemas.set(index + 1, avroSchemas[subject.schema])
  }
  return codec
}
