import type { ErrorCode } from '../../schemas/errors.ts'
import type { Config } from '../../platform/config.ts'
import { topics } from '../../schemas/topics.ts'
import { encoderOf, foreignEncoder, registeredSchema } from './foreign-client.ts'
import { EXAMPLE } from './review-world.ts'

/** What is sent to which topic, the code that it must get, and a part of the cause. */
export type PoisonCase = readonly [topic: string, value: Buffer | string | null, code: ErrorCode, cause: string]

const REVIEWS = topics.reviews.name
const LABELS = topics.reviewLabels.name
const MOVIES = topics.movies.name

const json = (value: object): string => JSON.stringify(value)
const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex')
const review = (changes: object): string => json({ ...EXAMPLE.review, ...changes })
const label = (changes: object): string => json({ ...EXAMPLE.label, ...changes })
const movie = (changes: object): string => json({ ...EXAMPLE.movie, ...changes })

/** Poison of every kind that intake knows, by name. */
export async function publicPoison(
  config: Pick<Config, 'SCHEMA_REGISTRY_URL'>,
): Promise<Readonly<Record<string, PoisonCase>>> {
  return { ...undecodable(), ...(await undecodableAvro(config)), ...refused(), ...(await refusedAvro(config)) }
}

function undecodable(): Record<string, PoisonCase> {
  return {
    'no value': [REVIEWS, null, 'SPL_RECORD_EMPTY', 'empty'],
    'empty value': [REVIEWS, Buffer.alloc(0), 'SPL_RECORD_EMPTY', 'empty'],
    'plain text': [REVIEWS, 'hello', 'SPL_RECORD_FORMAT_UNKNOWN', '0x68'],
    'a JSON array': [REVIEWS, '[]', 'SPL_RECORD_FORMAT_UNKNOWN', '0x5b'],
    'cut JSON': [REVIEWS, review({}).slice(0, -5), 'SPL_JSON_INVALID', 'JSON'],
    'no UTF-8': [REVIEWS, hex('7b 22 ff 22 7d'), 'SPL_JSON_INVALID', 'utf-8'],
    'half an Avro header': [REVIEWS, hex('00 00 01'), 'SPL_AVRO_INVALID', 'only 3 bytes'],
  }
}

async function undecodableAvro(config: Pick<Config, 'SCHEMA_REGISTRY_URL'>): Promise<Record<string, PoisonCase>> {
  const { SCHEMA_REGISTRY_URL: registry } = config
  const reviews = await registeredSchema(registry, REVIEWS)
  const movies = await registeredSchema(registry, MOVIES)
  const avroReview = encoderOf(reviews.id, reviews.schema)(EXAMPLE.review)
  const movieHeader = encoderOf(movies.id, 'null')(null).toString('hex')
  const foreign = await foreignEncoder(registry, 'somebody-elses-value', {
    type: 'record',
    name: 'Review',
    namespace: 'spoiler_shield',
    fields: [{ name: 'reviewId', type: 'int' }],
  })
  const unknownId = encoderOf(999_999, 'string')('x')
  // movie "m" without texts, whose genres are a block of two billion strings
  const billions = hex(`${movieHeader} 02 6d 00 00 00 80d0acf30e 00`)
  return {
    'cut Avro': [REVIEWS, avroReview.subarray(0, -9), 'SPL_AVRO_INVALID', 'truncated'],
    'bytes after the Avro': [REVIEWS, Buffer.concat([avroReview, hex('00')]), 'SPL_AVRO_INVALID', 'trailing'],
    'an array of two billion items in ten bytes': [MOVIES, billions, 'SPL_AVRO_INVALID', 'truncated'],
    'unknown schema id': [REVIEWS, unknownId, 'SPL_SCHEMA_ID_UNKNOWN', '999999'],
    'schema of somebody else': [REVIEWS, foreign({ reviewId: 1 }), 'SPL_SCHEMA_INCOMPATIBLE', 'int'],
  }
}

function refused(): Record<string, PoisonCase> {
  const tomorrow = Date.now() + 86_400_000
  return {
    'no movie': [REVIEWS, review({ movieId: undefined }), 'SPL_FIELD_MISSING', 'movieId'],
    'text is a number': [REVIEWS, review({ text: 5 }), 'SPL_FIELD_INVALID', 'text'],
    'id with a control character': [REVIEWS, review({ userId: 'u\u001f' }), 'SPL_ID_INVALID', 'userId'],
    'no text': [REVIEWS, review({ text: ' \n' }), 'SPL_REVIEW_EMPTY', 'text'],
    'text too long': [REVIEWS, review({ text: 'a'.repeat(100_001) }), 'SPL_REVIEW_TOO_LONG', '100000'],
    'rating of 11': [REVIEWS, review({ rating: 11 }), 'SPL_RATING_INVALID', 'rating'],
    'written tomorrow': [REVIEWS, review({ writtenAtMs: tomorrow }), 'SPL_EVENT_TIME_INVALID', String(tomorrow)],
    'negative revision': [REVIEWS, review({ revision: -1 }), 'SPL_REVISION_INVALID', 'revision'],
    'label of a model': [LABELS, label({ source: 'model' }), 'SPL_LABEL_SOURCE_REFUSED', 'moderator'],
    'plot too long': [MOVIES, movie({ plotSynopsis: 'a'.repeat(200_001) }), 'SPL_REVIEW_TOO_LONG', 'plotSynopsis'],
  }
}

/** The same checks hold for Avro. */
async function refusedAvro(config: Pick<Config, 'SCHEMA_REGISTRY_URL'>): Promise<Record<string, PoisonCase>> {
  const { id, schema } = await registeredSchema(config.SCHEMA_REGISTRY_URL, REVIEWS)
  const encode = encoderOf(id, schema)
  const avroReview = (changes: object): Buffer => encode({ ...EXAMPLE.review, ...changes })
  return {
    'empty id in Avro': [REVIEWS, avroReview({ reviewId: '' }), 'SPL_ID_INVALID', 'reviewId'],
    'rating of 0 in Avro': [REVIEWS, avroReview({ rating: 0 }), 'SPL_RATING_INVALID', 'rating'],
  }
}
