import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import type { Config } from '../platform/config.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'

export type S3Config = Pick<
  Config,
  'S3_ENDPOINT' | 'S3_REGION' | 'S3_ACCESS_KEY_ID' | 'S3_SECRET_ACCESS_KEY' | 'S3_BUCKET' | 'S3_PATH_STYLE'
>

const CONNECT_WITHIN_MS = 3_000
/** Longest wait for the answer to one request, its upload included. */
const ANSWER_WITHIN_MS = 60_000
const NOT_FOUND = 404
const PRECONDITION_FAILED = 412
/** Client errors that pass: too many requests, a conflict of two conditional writes, clocks and tokens that move on. */
const PASSING_STATUS = new Set([408, 409, 425, 429])
const PASSING_NAMES = new Set(['RequestTimeTooSkewed', 'ExpiredToken', 'RequestTimeout', 'SlowDown'])

export interface S3ObjectStore extends ObjectStore, Disposable {
  /** Creates the bucket where it is missing. */
  ensureBucket(): Promise<void>
}

/**
 * One bucket of an S3-compatible store. Without an access key it uses what the AWS SDK finds: variables of AWS, a web
 * identity, the role of the machine. Nothing is connected before the first request.
 */
export function openS3ObjectStore(config: S3Config): S3ObjectStore {
  const client = new S3Client({
    endpoint: config.S3_ENDPOINT,
    region: config.S3_REGION,
    forcePathStyle: config.S3_PATH_STYLE,
    // the caller hears of each failure, says that it waits, and decides
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MS,
      requestTimeout: ANSWER_WITHIN_MS,
      throwOnRequestTimeout: true,
    },
    ...credentialsOf(config),
  })
  const bucket = { Bucket: config.S3_BUCKET }
  return {
    ensureBucket: () => ensureBucket(client, bucket),
    putIfAbsent: (key, body) => putIfAbsent(client, { ...bucket, Key: key }, body),
    list: (prefix, after) => list(client, { ...bucket, Prefix: prefix }, after),
    read: (key, start, end) => read(client, { ...bucket, Key: key, Range: `bytes=${start}-${end - 1}` }),
    remove: async (key) => {
      await answered(`removing ${key}`, () => client.send(new DeleteObjectCommand({ ...bucket, Key: key })))
    },
    [Symbol.dispose]: () => {
      client.destroy()
    },
  }
}

function credentialsOf({ S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey }: S3Config) {
  if (accessKeyId === undefined || secretAccessKey === undefined) return {}
  return { credentials: { accessKeyId, secretAccessKey } }
}

interface ObjectName {
  readonly Bucket: string
  readonly Key: string
}

async function ensureBucket(client: S3Client, bucket: { readonly Bucket: string }): Promise<void> {
  await answered(`looking for bucket ${bucket.Bucket}`, async () => {
    try {
      await client.send(new HeadBucketCommand(bucket))
    } catch (error) {
      if (statusOf(error) !== NOT_FOUND) throw error
      await client.send(new CreateBucketCommand(bucket))
    }
  })
}

/**
 * A server may refuse before it has read the whole body, and what reaches us then is a cut connection; a reply may also
 * be lost after the object was written. In both cases the object is there: so a failed put asks.
 */
async function putIfAbsent(client: S3Client, name: ObjectName, body: Uint8Array): Promise<'written' | 'exists'> {
  return answered(`writing ${name.Key}`, async () => {
    try {
      await client.send(new PutObjectCommand({ ...name, Body: body, IfNoneMatch: '*' }))
      return 'written'
    } catch (error) {
      const status = statusOf(error)
      if (status === PRECONDITION_FAILED) return 'exists'
      if (status === undefined && (await isThere(client, name))) return 'exists'
      throw error
    }
  })
}

async function isThere(client: S3Client, name: ObjectName): Promise<boolean> {
  try {
    await client.send(new HeadObjectCommand(name))
    return true
  } catch {
    return false // not there, or not to be known: the caller has its own error to tell
  }
}

async function* list(
  client: S3Client,
  below: { readonly Bucket: string; readonly Prefix: string },
  after: string | undefined,
): AsyncGenerator<StoredObject> {
  let next: string | undefined
  do {
    const position = next === undefined ? { StartAfter: after } : { ContinuationToken: next }
    const page = await answered(`listing ${below.Prefix}`, () =>
      client.send(new ListObjectsV2Command({ ...below, ...position })),
    )
    for (const { Key, Size } of page.Contents ?? []) if (Key !== undefined) yield { key: Key, sizeBytes: Size ?? 0 }
    next = page.NextContinuationToken
  } while (next !== undefined)
}

async function read(client: S3Client, range: ObjectName & { readonly Range: string }): Promise<Uint8Array> {
  return answered(`reading ${range.Key}`, async () => {
    const { Body: body } = await client.send(new GetObjectCommand(range))
    if (body === undefined) throw new TypeError('an answer without a body')
    return body.transformToByteArray()
  })
}

async function answered<T>(doing: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    const { name, message } = cause instanceof Error ? cause : new Error(String(cause))
    const status = statusOf(cause)
    const passes = status === undefined || status >= 500 || PASSING_STATUS.has(status) || PASSING_NAMES.has(name)
    const reason = `${doing}: ${status === undefined ? '' : `status ${status}, `}${name}: ${message}`
    if (passes) throw new SpoilerError('SPL_S3_UNAVAILABLE', reason, { onError: 'retry', cause })
    throw new SpoilerError('SPL_S3_REFUSED', reason, { onError: 'stop', cause })
  }
}

/** Undefined when no answer came. */
function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
}
