import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeConfig, loadConfig, STACK_ENV_FILE } from '../../../platform/config.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'

let STATE_DIR: string
beforeEach(() => {
  STATE_DIR = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => rmSync(STATE_DIR, { recursive: true }))

const load = (env: Record<string, string> = {}) => loadConfig({ STATE_DIR, ...env })

/** A value that each setting refuses; settings that take any text have none. */
const INVALID = {
  KAFKA_SECURITY_PROTOCOL: 'tls',
  KAFKA_SASL_MECHANISM: 'GSSAPI',
  SCHEMA_REGISTRY_URL: 'ftp://registry',
  REDIS_URL: 'http://redis',
  S3_ENDPOINT: 's3://bucket',
  S3_BUCKET: 'b',
  S3_PATH_STYLE: 'maybe',
  S3_PREFIX: '/offline/',
  OFFLINE_FILE_RECORDS: '0',
  OFFLINE_FILE_BYTES: '-1',
  OFFLINE_FILE_MS: '0',
  SNAPSHOT_MS: '604800001',
  TOPIC_PARTITIONS: '0',
  TOPIC_REPLICATION: '8',
  LINEAGE: '1.5',
  COMMIT_INTERVAL_MS: '-1',
  MAX_BATCH_RECORDS: '100001',
  TRANSACTION_TIMEOUT_MS: '999',
  STEP_DEADLINE_MS: 'soon',
  SHUTDOWN_DEADLINE_MS: '99',
  MERGE_WAIT_MS: '60001',
  MISSING_RECORDS: 'ignore',
  INSTANCE: 'a b',
  METRICS_PORT: '65536',
  FEATURE_SERVICE: 'spoiler_v0',
  MODEL_MEMORY_MB: '0',
  MODEL_PROCESSES: '0',
  TRAIN_AUTOMATICALLY: 'maybe',
  TRAIN_FIRST_LABELS: '0',
  TRAIN_NEW_LABELS: '-1',
  TRAIN_COOLDOWN_MS: '-1',
  TRAIN_PER_DAY: '0',
  TRAIN_SPLIT: 'year',
  TRAIN_MATURITY_MS: '-1',
  TRAIN_WINDOW_MS: '-1',
  CANARY_SHARE: '0',
  LOG_LEVEL: 'loud',
}
const ANY_TEXT = [
  'KAFKA_BROKERS',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_SSL_CA_FILE',
  'SCHEMA_REGISTRY_AUTH',
  'S3_REGION',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'FEAST_PROJECT',
  'HTTP_HOST',
  'MODEL_DIR',
  'STATE_DIR',
]

describe('invalid settings', () => {
  test.each(Object.entries(INVALID))('%s=%s is refused, and named', (name, value) => {
    const loading = () => load({ [name]: value })
    expect(loading).toThrow(SpoilerError)
    expect(loading).toThrow(new RegExp(`^SPL_CONFIG_INVALID.*${name}`, 's'))
  })

  test('credentials in the address of the registry are refused, since requests cannot carry them; without showing them', () => {
    const told = /SCHEMA_REGISTRY_AUTH/
    expect(() => load({ SCHEMA_REGISTRY_URL: 'https://ann:s3cret@registry/v7' })).toThrow(told)
    expect(() => load({ SCHEMA_REGISTRY_URL: 'https://ann:s3cret@registry/v7' })).toThrow(/^(?!.*s3cret)/s)
    expect(load({ SCHEMA_REGISTRY_URL: 'https://registry' }).SCHEMA_REGISTRY_URL).toBe('https://registry')
  })

  test('all of them are named at once', () => {
    let message = ''
    try {
      load(INVALID)
    } catch (error) {
      if (error instanceof SpoilerError) message = error.message
    }
    for (const name of Object.keys(INVALID)) expect(message).toContain(name)
  })

  test('every setting is in the one list or in the other', () => {
    const names = describeConfig(load()).map(({ name }) => name)
    expect(names.sort()).toEqual([...Object.keys(INVALID), ...ANY_TEXT].sort())
  })
})

describe('where a value comes from', () => {
  test('the environment wins over the local stack, the stack over the default', () => {
    writeFileSync(join(STATE_DIR, STACK_ENV_FILE), 'KAFKA_BROKERS=127.0.0.1:5001\nREDIS_URL=redis://127.0.0.1:5002\n')
    const config = load({ KAFKA_BROKERS: 'broker-1:9092,broker-2:9092' })
    expect(config.KAFKA_BROKERS).toBe('broker-1:9092,broker-2:9092')
    expect(config.REDIS_URL).toBe('redis://127.0.0.1:5002')
    expect(config.TOPIC_PARTITIONS).toBe(4)
  })

  test('what the local stack left is validated as well', () => {
    writeFileSync(join(STATE_DIR, STACK_ENV_FILE), 'SCHEMA_REGISTRY_URL=nowhere\n')
    expect(() => load()).toThrow(/SCHEMA_REGISTRY_URL/)
  })

  test('an empty setting is one that was not given: never a zero', () => {
    writeFileSync(join(STATE_DIR, STACK_ENV_FILE), 'KAFKA_BROKERS=127.0.0.1:5001\n')
    const config = load({ COMMIT_INTERVAL_MS: '', KAFKA_BROKERS: '', KAFKA_SASL_MECHANISM: '' })
    expect(config.COMMIT_INTERVAL_MS).toBe(20)
    expect(config.KAFKA_BROKERS).toBe('127.0.0.1:5001')
    expect(config.KAFKA_SASL_MECHANISM).toBeUndefined()
  })

  test('variables of others are left alone, and the result cannot be changed', () => {
    const config = load({ PATH: '/bin', KAFKA_TOPIC: 'x' })
    expect(config).not.toHaveProperty('PATH')
    expect(Object.isFrozen(config)).toBe(true)
  })
})

describe('printed configuration', () => {
  const shown = (name: string, env: Record<string, string>): string | undefined =>
    describeConfig(load(env)).find((setting) => setting.name === name)?.value

  test.each([
    { name: 'KAFKA_SASL_PASSWORD', value: 's3cret', printed: '***' },
    { name: 'KAFKA_SASL_PASSWORD', value: 'looks://like-an-address', printed: '***' },
    { name: 'SCHEMA_REGISTRY_AUTH', value: 'ann:s3cret', printed: '***' },
    { name: 'REDIS_URL', value: 'redis://ann:s3cret@redis:6379/2', printed: 'redis://***@redis:6379/2' },
    { name: 'REDIS_URL', value: 'rediss://:s3@cret@redis:6379', printed: 'rediss://***@redis:6379' },
    { name: 'REDIS_URL', value: 'redis://redis:6379', printed: 'redis://redis:6379' },
  ])('$name=$value is shown as $printed', ({ name, value, printed }) => {
    expect(shown(name, { [name]: value })).toBe(printed)
  })

  test('no error about a secret shows it', () => {
    expect(() => load({ REDIS_URL: 'http://ann:s3cret@redis' })).toThrow(/^(?!.*s3cret)/s)
  })

  test('what is not set is empty, and every setting says what it is', () => {
    expect(shown('MODEL_DIR', {})).toBe('')
    for (const { description } of describeConfig(load())) expect(description).toMatch(/\w{3}/)
  })
})
