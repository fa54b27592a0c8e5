import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { FEATURE_SERVICE_NAMES } from '../schemas/feature-services.ts'
import { SpoilerError } from './spoiler-error.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const milliseconds = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
/** Masked when printed: all of it, or of an address the credentials. */
const secret = { secret: 'all' } as const
const secretAddress = { secret: 'credentials' } as const

/** Every setting, once. `shield config` prints it; secrets are masked there. */
const Config = z.object({
  KAFKA_BROKERS: z.string().min(1).default('127.0.0.1:19092').describe('host:port of the brokers, comma separated'),
  KAFKA_SECURITY_PROTOCOL: z
    .enum(['plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl'])
    .default('plaintext')
    .describe('how to talk to the brokers'),
  KAFKA_SASL_MECHANISM: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).optional().describe('SASL mechanism'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('SASL user'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('SASL password').meta(secret),
  KAFKA_SSL_CA_FILE: z.string().optional().describe('PEM file of the certificate authority'),
  SCHEMA_REGISTRY_URL: z
    .url({ protocol: /^https?$/ })
    .regex(/^\w+:\/\/[^/@]*(\/|$)/, 'credentials belong into SCHEMA_REGISTRY_AUTH')
    .default('http://127.0.0.1:18081/apis/ccompat/v7')
    .describe('Confluent-compatible schema registry'),
  SCHEMA_REGISTRY_AUTH: z.string().optional().describe('user:password of the registry').meta(secret),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .default('redis://127.0.0.1:16379')
    .describe('Redis or Valkey; may carry user:password')
    .meta(secretAddress),
  FEAST_PROJECT: z.string().min(1).default('spoiler_shield').describe('project name in the online store'),
  S3_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:19000')
    .describe('S3-compatible object store; https://s3.REGION.amazonaws.com for Amazon'),
  S3_REGION: z.string().min(1).default('us-east-1').describe('region of the bucket'),
  S3_ACCESS_KEY_ID: z.string().optional().describe('S3 access key; without one the default chain of the AWS SDK'),
  S3_SECRET_ACCESS_KEY: z.string().optional().describe('S3 secret key').meta(secret),
  S3_BUCKET: z.string().min(3).max(63).default('spoiler-shield').describe('bucket of all that is kept on S3'),
  S3_PATH_STYLE: z.stringbool().default(true).describe('bucket in the path, not in the host name'),
  S3_PREFIX: z
    .string()
    .regex(/^[\w-]+(\/[\w-]+)*$/)
    .default('offline')
    .describe('folder of the offline store in the bucket'),
  OFFLINE_FILE_RECORDS: z.coerce.number().int().min(1).default(200_000).describe('most records of a Parquet file'),
  OFFLINE_FILE_BYTES: z.coerce.number().int().min(1).default(33_554_432).describe('size at which a file is closed'),
  OFFLINE_FILE_MS: milliseconds(1, 86_400_000).default(300_000).describe('age at which a Parquet file is closed'),
  SNAPSHOT_MS: milliseconds(0, 604_800_000)
    .default(21_600_000)
    .describe('append time between two snapshots of the state of folds on S3; 0 takes none'),
  TOPIC_PARTITIONS: z.coerce.number().int().min(1).max(1000).default(4).describe('partitions of every keyed topic'),
  TOPIC_REPLICATION: z.coerce.number().int().min(1).max(7).default(1).describe('replication factor of every topic'),
  LINEAGE: z.coerce.number().int().min(1).default(1).describe('grows when topics are recreated or repartitioned'),
  COMMIT_INTERVAL_MS: milliseconds(0, 60_000).default(20).describe('least time between two commits of a task'),
  MAX_BATCH_RECORDS: z.coerce.number().int().min(1).max(100_000).default(1000).describe('most records of a batch'),
  TRANSACTION_TIMEOUT_MS: milliseconds(1000, 900_000).default(10_000).describe('transaction.timeout.ms'),
  STEP_DEADLINE_MS: milliseconds(500, 900_000).default(15_000).describe('deadline of one transaction step'),
  SHUTDOWN_DEADLINE_MS: milliseconds(100, 900_000).default(30_000).describe('how long an end in order may take'),
  MERGE_WAIT_MS: milliseconds(0, 60_000).default(500).describe('how long intake waits for an input that lags'),
  MISSING_RECORDS: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('what to do when retention has deleted records that were not processed'),
  INSTANCE: z
    .string()
    .regex(/^[\w-]+$/)
    .default('0')
    .describe('slot of this instance; part of the transactional id'),
  HTTP_HOST: z.string().default('127.0.0.1').describe('address of metrics and readiness'),
  METRICS_PORT: port.default(0).describe('port of metrics and readiness; 0 takes a free one'),
  FEATURE_SERVICE: z
    .enum(FEATURE_SERVICE_NAMES)
    .default('spoiler_v1')
    .describe('feature service of the rows that movie-context makes of reviews'),
  MODEL_DIR: z
    .string()
    .optional()
    .describe('folder of the model version that scores; by default the one that was deployed last, or the prior'),
  MODEL_MEMORY_MB: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('most memory that one more model version may take; by default what is free'),
  MODEL_PROCESSES: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('processes of a scoring network, a core each; as many as cores, at most 2, by default'),
  TRAIN_AUTOMATICALLY: z
    .stringbool()
    .default(true)
    .describe('whether control trains by itself; on request it always does'),
  TRAIN_FIRST_LABELS: z.coerce
    .number()
    .int()
    .min(1)
    .default(12_000)
    .describe('labels after which a first model is trained'),
  TRAIN_NEW_LABELS: z.coerce
    .number()
    .int()
    .min(0)
    .default(2000)
    .describe('labels since the last training and since the alarm that asks for the next one, at least'),
  TRAIN_COOLDOWN_MS: milliseconds(0, 604_800_000).default(3_600_000).describe('time between two trainings, at least'),
  TRAIN_PER_DAY: z.coerce.number().int().min(1).max(1000).default(6).describe('trainings in 24 hours, at most'),
  TRAIN_SPLIT: z
    .enum(['time', 'movie', 'cold-user', 'random'])
    .default('time')
    .describe('what keeps the spans of a data set apart, when control trains'),
  TRAIN_MATURITY_MS: milliseconds(0, 31_536_000_000)
    .default(604_800_000)
    .describe('age in event time from which labels of a review are complete, when control trains'),
  TRAIN_WINDOW_MS: milliseconds(0, 315_360_000_000)
    .default(0)
    .describe('control trains on what was appended so long before the request; 0: on all there is'),
  CANARY_SHARE: z.coerce
    .number()
    .min(0.01)
    .max(1)
    .default(0.2)
    .describe('share of the reviews that a candidate answers as a canary'),
  STATE_DIR: z.string().default('.local').describe('folder of caches and local data'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('log level'),
})
export type Config = Readonly<z.infer<typeof Config>>

/** File in which the local stack leaves its addresses; the environment wins over it. */
export const STACK_ENV_FILE = 'stack.env'

/**
 * Validates the environment. Each `main.ts` calls it once and passes values down. An empty variable counts as not given.
 *
 * @throws SpoilerError SPL_CONFIG_INVALID naming every invalid setting.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const given = withoutEmpty(env)
  const file = join(given['STATE_DIR'] ?? '.local', STACK_ENV_FILE)
  const fromStack = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  const parsed = Config.safeParse({ ...withoutEmpty(fromStack), ...given })
  if (parsed.success) return Object.freeze(parsed.data)
  throw new SpoilerError('SPL_CONFIG_INVALID', `reading the environment\n${z.prettifyError(parsed.error)}`, {
    onError: 'stop',
    cause: parsed.error,
  })
}

function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
}

export interface Setting {
  readonly name: string
  readonly value: string
  readonly description: string
}

/** Every setting with its value and meaning; secrets are masked. */
export function describeConfig(config: Config): Setting[] {
  return Object.entries(Config.shape).map(([name, schema]) => {
    const value = config[name as keyof Config]
    const meta = schema.meta() as { secret?: 'all' | 'credentials' } | undefined
    const shown = value === undefined ? '' : masked(String(value), meta?.secret)
    return { name, value: shown, description: schema.description ?? '' }
  })
}

function masked(value: string, secret: 'all' | 'credentials' | undefined): string {
  if (secret === undefined) return value
  return secret === 'all' ? '***' : value.replace(/\/\/[^/]*@/, '//***@')
}
