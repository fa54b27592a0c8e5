import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { reachableHost, urlAnswers } from './health.ts'
import type { PartProgram } from './supervised-part.ts'

const Credentials = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) })
export type S3Credentials = Readonly<z.infer<typeof Credentials>>

interface S3Settings {
  readonly folder: string
  readonly host: string
  readonly port: number
  readonly credentials: S3Credentials
}

/** Those of the first start in this folder; made then, and readable by the user only. */
export function s3Credentials(folder: string): S3Credentials {
  const file = join(folder, 'credentials.json')
  if (existsSync(file)) return Credentials.parse(JSON.parse(readFileSync(file, 'utf8')))
  mkdirSync(folder, { recursive: true })
  const credentials = {
    accessKeyId: randomBytes(10).toString('hex').toUpperCase(),
    secretAccessKey: randomBytes(20).toString('hex'),
  }
  writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 })
  return credentials
}

/** Versity's gateway: every object is a file below the folder, published by a rename or not at all. */
export function versitygwProgram(server: string, { folder, host, port, credentials }: S3Settings): PartProgram {
  const objects = join(folder, 'objects')
  mkdirSync(objects, { recursive: true })
  // Only our own process knows this path: what answers on the port could be somebody else's server.
  const health = `/health-${credentials.accessKeyId}`
  return {
    command: server,
    args: ['--port', `${host}:${port}`, '--health', health, '--quiet', 'posix', objects],
    // not on the command line, which all can read
    env: { ROOT_ACCESS_KEY_ID: credentials.accessKeyId, ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    answers: () => urlAnswers(`http://${reachableHost(host)}:${port}${health}`),
    readyWithinMs: 30_000,
    stopWithinMs: 10_000,
  }
}
