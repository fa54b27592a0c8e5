import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { composeFile } from '../../../scripts/check-containers.ts'
import { buildImage, type Image } from '../../support/image.ts'
import { type Pipeline, startPipeline } from '../../support/pipeline.ts'

const CLIENTS = "require('@confluentinc/kafka-javascript'); require('onnxruntime-node'); console.log('loaded')"

const resources = new AsyncDisposableStack()
let pipeline: Pipeline
let image: Image

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await promisify(server.close.bind(server))()
  return port
}

beforeAll(async () => {
  const building = buildImage('runtime')
  pipeline = resources.use(await startPipeline(['kafka', 'registry']))
  image = resources.use(await building)
})
afterAll(() => resources.disposeAsync())

test('the image holds what runs and nothing else: no development package, no build of another system', () => {
  const isThere = (path: string) => existsSync(join(image.workdir, path))
  expect(['cli/main.ts', 'inference/versions/prior/manifest.json', 'LICENSE'].filter(isThere)).toHaveLength(3)
  const tooMuch = ['test', 'bench', 'docs', '.git', '.local', 'node_modules/vitest', 'node_modules/typescript']
  expect(tooMuch.filter(isThere)).toEqual([])
  const own = `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`
  expect(globSync('node_modules/onnxruntime-node/bin/*/*/*', { cwd: image.workdir })).toEqual([own])
  expect(isThere('node_modules/@confluentinc/kafka-javascript/deps')).toBe(false)
})

test('its native packages load, and its default command explains the rest', async () => {
  expect((await image.run(['-e', CLIENTS])).stdout).toBe('loaded\n')
  expect((await image.run(image.words('CMD'))).stdout).toContain('Usage: shield')
})

test('a component runs in it without the right to write, and the health check follows what it says', async () => {
  await expect(image.run(['-e', "require('node:fs').writeFileSync('written', '')"])).rejects.toThrow(/EACCES/)
  const port = { METRICS_PORT: String(await freePort()) }
  const [, ...healthCheck] = image.words('HEALTHCHECK')
  await expect(image.run(healthCheck, port), 'nobody listens').rejects.toMatchObject({ code: 1 })

  const { folds } = (await composeFile()).services
  expect(image.words('ENTRYPOINT')).toEqual(['tini', '--', 'node']) // Node is that of this machine, and it has an init
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL } = pipeline.stack.env
  const component = spawn(image.node, folds?.command ?? [], {
    cwd: image.workdir,
    env: { ...image.env, ...port, KAFKA_BROKERS, SCHEMA_REGISTRY_URL },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...image.user,
  })
  const output: string[] = []
  component.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const exit = once(component, 'exit')
  try {
    const healthy = () => image.run(healthCheck, port)
    await vi.waitFor(healthy, { timeout: 90_000, interval: 250 }).catch((error: unknown) => {
      throw new Error(output.join(''), { cause: error })
    })
  } finally {
    component.kill('SIGTERM')
  }
  expect(await exit).toEqual([0, null])
})
