import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type avro from 'avsc'
import type { ComponentSpec } from '../../platform/supervisor.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** All that components, `shield`, generators and the oracle are made of. */
const SOURCES = [
  'cli',
  'connectors',
  'control',
  'features',
  'inference',
  'local-stack',
  'platform',
  'producers',
  'replay',
  'schemas',
  'scorer',
  'scripts',
  'stats',
  'stream-processors',
  'test/support',
  'trainers',
  'package.json',
  '.prettierrc.json',
]

interface Ran {
  readonly exitCode: number
  readonly output: string
}

/** The project as somebody has changed it: its sources in a folder of their own, whose components can be run. */
export class NextVersion implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'next-version-'))

  constructor() {
    for (const path of SOURCES) cpSync(join(ROOT, path), join(this.#folder, path), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'))
  }

  /** Changes a file. @throws when nothing changed: the edit does not fit the code any more. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.#folder, file)
    const [before, after] = [readFileSync(path, 'utf8'), change(readFileSync(path, 'utf8'))]
    if (before === after) throw new RangeError(`the edit of ${file} changes nothing`)
    writeFileSync(path, after)
  }

  /** Adds a field to a record, or replaces the one of that name, as a developer does: `.avsc`, then the generator. */
  async setField(file: string, field: avro.schema.RecordType['fields'][number]): Promise<void> {
    this.edit(file, (text) => {
      const record = JSON.parse(text) as avro.schema.RecordType
      const others = record.fields.filter(({ name }) => name !== field.name)
      return JSON.stringify({ ...record, fields: [...others, field] })
    })
    const { exitCode, output } = await this.run(['scripts/generate-schemas.ts'])
    if (exitCode !== 0) throw new Error(output)
  }

  /** Where a script of this version is. */
  script(file: string): string {
    return join(this.#folder, file)
  }

  /** Runs a script of this version. */
  run([file = '', ...rest]: readonly string[]): Promise<Ran> {
    const argv = [this.script(file), ...rest]
    return new Promise((resolve) => {
      const options = { env: { UV_THREADPOOL_SIZE: '32' }, maxBuffer: 1 << 26 }
      execFile(process.execPath, argv, options, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        resolve({ exitCode, output: exitCode === 0 ? stdout : `${stdout}${stderr}` })
      })
    })
  }

  /** The schema of a record, as this version registers it. */
  async schemaOf(record: string): Promise<avro.Schema> {
    const file = pathToFileURL(join(this.#folder, 'schemas/generated.ts')).href
    const { avroSchemas } = (await import(file)) as { readonly avroSchemas: Readonly<Record<string, avro.Schema>> }
    return avroSchemas[record] as avro.Schema
  }

  /** The same components, of this version. */
  components(specs: readonly ComponentSpec[]): ComponentSpec[] {
    return specs.map((spec) => ({ ...spec, argv: spec.argv.map((part) => part.replace(ROOT, this.#folder)) }))
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
