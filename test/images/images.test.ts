// Every target of the Dockerfile with nothing cached: minutes, so that `npm run test:images` runs it and `npm test` does not.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { composeFile } from '../../scripts/check-containers.ts'
import { buildImage } from '../support/image.ts'

const run = promisify(execFile)

test('with an empty cache the Kafka client is compiled, and the trainer finds the packages that it fits with', async () => {
  using cleanup = new DisposableStack()
  const cache = mkdtempSync(join(tmpdir(), 'spoiler-shield-cache-'))
  cleanup.defer(() => rmSync(cache, { recursive: true }))
  await using image = await buildImage('trainer', { SPOILER_SHIELD_CACHE: cache })
  expect((await image.run(['-e', "require('@confluentinc/kafka-javascript'); console.log('loaded')"])).stdout).toBe(
    'loaded\n',
  )
  expect((await image.run(['scripts/setup.mjs', '--only', 'trainers'])).stdout, 'set-up has something to do').toBe('')
  const record = readFileSync(join(image.workdir, 'node_modules/.spoiler-shield/setup.json'), 'utf8')
  const { pythonPath } = (JSON.parse(record) as { trainers: { pythonPath: string } }).trainers
  const python = ['-c', 'import onnx, sklearn; print(onnx.__file__)']
  const { stdout } = await run('python3', python, { env: { PATH: env['PATH'], PYTHONPATH: pythonPath } })
  expect(stdout.startsWith(image.env['SPOILER_SHIELD_CACHE'] ?? '?')).toBe(true)
})

test('MLflow has the clients of PostgreSQL and S3, and knows the options that Compose gives', async () => {
  await using image = await buildImage('mlflow')
  const python = join(image.env['PATH']?.split(':')[0] ?? '', 'python3')
  const options = (await composeFile()).services['mlflow']?.command?.filter((word) => word.startsWith('--')) ?? []
  const asks = `import boto3, psycopg2, subprocess; print(subprocess.check_output(["mlflow", "server", "--help"], text=True))`
  const { stdout } = await run(python, ['-c', asks], { env: { ...image.env, HOME: tmpdir() } })
  expect(options.length).toBeGreaterThan(0)
  expect(options.filter((option) => !stdout.includes(option))).toEqual([])
})
