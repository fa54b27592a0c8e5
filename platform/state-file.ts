import { rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { SpoilerError } from './spoiler-error.ts'

/** Grows when files of an earlier version of this code cannot be read any more. */
const FORMAT = 1
const CACHE_KIB = 8192
/** Pages of the write-ahead log before they move to the file, with an fsync. */
const CHECKPOINT_PAGES = 4000

/** What a file holds the state of. A file of anything else is foreign. */
export interface StateIdentity {
  readonly changelog: string
  /** Of the changelog: a topic that was deleted and made again has another. */
  readonly topicId: string
  readonly partition: number
  /** Schema id of every store's values, as they stand in the changelog. */
  readonly schemaIds: Readonly<Record<string, number>>
}

/** Up to where the entries of a file are those of the logs. */
export interface StatePosition {
  /** Next input offset; null before the first commit. */
  readonly appliedOffset: number | null
  /** Largest append time folded, Unix milliseconds; null before the first commit. */
  readonly streamTimeMs: number | null
  /** Of the changelog: everything committed before it is in the file. */
  readonly changelogOffset: number
  /** When that was so by our clock, Unix milliseconds. */
  readonly syncedAtMs: number
}

/** What a file is a copy of. */
export interface StateCopy {
  readonly identity: StateIdentity
  readonly position: StatePosition | null
}

/** A changed entry as it stands in the changelog; a null value deletes. */
export interface EncodedChange {
  readonly store: string
  readonly key: string
  readonly value: Buffer | null
}
export interface StoredEntry {
  /** Grows with every put. */
  readonly order: number
  readonly key: string
  readonly value: Buffer
}

interface Statements {
  readonly get: StatementSync
  readonly put: StatementSync
  readonly remove: StatementSync
  readonly after: StatementSync
}
interface Row {
  readonly seq: number
  readonly key: string
  readonly value: Uint8Array
  readonly crc: number
}

interface FileOptions {
  /** Kept over restarts; or nobody else's, and gone when it is closed. */
  readonly kind: 'kept' | 'scratch'
  /** Released when the file is closed. */
  readonly lock?: Disposable
}

/**
 * Entries of one partition on disk, in the order in which they were put, and the position up to which they hold. A write
 * is atomic; a crash leaves what the last write made. Its owner sees to it that nobody else has it open.
 *
 * @throws SpoilerError, from every call: SPL_STATE_DAMAGED when the file is not what was written;
 *   SPL_STATE_UNAVAILABLE, to be retried, when the disk is full or refuses.
 */
export class StateFile implements Disposable {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #about: StateIdentity
  readonly #identity: string
  #statements: Readonly<Record<string, Statements>> = {}
  readonly #stores: readonly string[]
  readonly #lock: Disposable | undefined
  #position: StatePosition | null = null
  #positionStatement: StatementSync | undefined

  private constructor(path: string, identity: StateIdentity, lock: Disposable | undefined) {
    this.#path = path
    this.#lock = lock
    this.#about = identity
    this.#identity = JSON.stringify({ format: FORMAT, ...identity })
    this.#database = this.#guarded(() => new DatabaseSync(path))
    this.#stores = Object.keys(identity.schemaIds)
  }

  /** Makes the file, or opens and verifies what is there: its structure, that every entry is indexed, its identity. */
  static open(path: string, identity: StateIdentity, { kind, lock }: FileOptions): StateFile {
    const file = new StateFile(path, identity, lock)
    try {
      file.#guarded(() => {
        file.#prepare(kind)
      })
      return file
    } catch (error) {
      file.#database.close()
      throw error
    }
  }

  /** Null when nothing is known of what the file holds. */
  get position(): StatePosition | null {
    return this.#position
  }

  get(store: string, key: string): Buffer | undefined {
    return this.#guarded(() => {
      const row = this.#of(store).get.get(key) as Pick<Row, 'value' | 'crc'> | undefined
      return row === undefined ? undefined : intact({ key, ...row })
    })
  }

  /** The entries put after one of them (0: from the beginning), oldest first. */
  after(store: string, order: number, limit: number): StoredEntry[] {
    return this.#guarded(() => {
      const rows = this.#of(store).after.all(order, limit) as unknown as Row[]
      return rows.map((row) => ({ order: row.seq, key: row.key, value: intact(row) }))
    })
  }

  /** @param position Left out while a restore is under way: the one before, if any, still tells where to begin. */
  write(changes: readonly EncodedChange[], position?: StatePosition): void {
    this.#guarded(() => {
      this.#atomically(() => {
        for (const { store, key, value } of changes) {
          const { put, remove } = this.#of(store)
          if (value === null) remove.run(key)
          else put.run(key, value, checksum(key, value))
        }
        if (position !== undefined) this.#write(position)
      })
      if (position !== undefined) this.#position = position
    })
  }

  /** Empties the file. */
  reset(): void {
    this.#guarded(() => {
      this.#atomically(() => {
        for (const store of this.#stores) this.#database.exec(`DELETE FROM ${table(store)}`)
        this.#write(null)
      })
      this.#position = null
    })
  }

  /** Writes all that is committed into a new file, compact. Blocks for some .3 s a million entries. */
  copyTo(path: string): StateCopy {
    return this.#guarded(() => {
      this.#database.prepare('VACUUM INTO ?').run(path)
      return { identity: this.#about, position: this.#position }
    })
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close()
    this.#lock?.[Symbol.dispose]()
  }

  #prepare(kind: FileOptions['kind']): void {
    const kept = kind === 'kept'
    // exclusive: no shared memory beside the file; normal: what a power cut leaves is whole, though it may be older
    this.#database.exec(`
      PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
      PRAGMA journal_mode = ${kept ? 'WAL' : 'MEMORY'}; PRAGMA synchronous = ${kept ? 'NORMAL' : 'OFF'};
      PRAGMA cache_size = -${CACHE_KIB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA temp_store = MEMORY`)
    if (!kept) unlinked(this.#path)
    const [{ tables }] = this.#all<{ tables: number }>('SELECT count(*) AS tables FROM sqlite_schema')
    if (tables === 0) this.#create()
    else this.#verify()
    this.#statements = Object.fromEntries(this.#stores.map((store) => [store, this.#prepared(store)]))
  }

  #create(): void {
    this.#atomically(() => {
      this.#database.exec('CREATE TABLE about (identity TEXT NOT NULL, position TEXT NOT NULL, crc INTEGER NOT NULL)')
      for (const store of this.#stores)
        this.#database.exec(
          `CREATE TABLE ${table(store)} (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value BLOB NOT NULL, crc INTEGER NOT NULL)`,
        )
      this.#database.prepare('INSERT INTO about VALUES (?, ?, ?)').run(this.#identity, '', 0)
      this.#write(null)
    })
  }

  #verify(): void {
    const [found] = this.#all<{ integrity_check: string }>('PRAGMA integrity_check(1)')
    if (found.integrity_check !== 'ok') throw new DamagedError(found.integrity_check)
    const [{ identity, position, crc }] = this.#all<{ identity: string; position: string; crc: number }>(
      'SELECT identity, position, crc FROM about',
    )
    if (crc !== checksum(identity, Buffer.from(position))) throw new DamagedError('it does not know what it holds')
    if (identity !== this.#identity) throw new DamagedError(`it holds ${identity}, not ${this.#identity}`)
    this.#position = JSON.parse(position) as StatePosition | null
  }

  #write(position: StatePosition | null): void {
    const text = JSON.stringify(position)
    this.#positionStatement ??= this.#database.prepare('UPDATE about SET position = ?, crc = ?')
    this.#positionStatement.run(text, checksum(this.#identity, Buffer.from(text)))
  }

  #all<R>(sql: string): [R, ...R[]] {
    const rows = this.#database.prepare(sql).all() as R[]
    if (rows.length === 0) throw new DamagedError(`nothing answers ${sql}`)
    return rows as [R, ...R[]]
  }

  #prepared(store: string): Statements {
    const name = table(store)
    return {
      get: this.#database.prepare(`SELECT value, crc FROM ${name} WHERE key = ?`),
      // a new row at the end in place of an old one: the entry put last is the newest
      put: this.#database.prepare(`INSERT OR REPLACE INTO ${name} (key, value, crc) VALUES (?, ?, ?)`),
      remove: this.#database.prepare(`DELETE FROM ${name} WHERE key = ?`),
      after: this.#database.prepare(`SELECT seq, key, value, crc FROM ${name} WHERE seq > ? ORDER BY seq LIMIT ?`),
    }
  }

  #of(store: string): Statements {
    const statements = this.#statements[store]
    if (statements === undefined) throw new RangeError(`${this.#path} has no store '${store}'`)
    return statements
  }

  #atomically(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      // a disk that is full may already have ended the transaction
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** What is damaged is deleted at once, so that whoever opens it next begins anew. */
  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      const error = stateFileError(this.#path, cause)
      if (error instanceof SpoilerError && error.code === 'SPL_STATE_DAMAGED') unlinked(this.#path)
      throw error
    }
  }
}

/** Of another partition, of another time, or changed by somebody else. */
class DamagedError extends Error {}

const CORRUPT = 11
const NOT_A_DATABASE = 26

/** What an error of SQLite means for us. */
export function stateFileError(path: string, cause: unknown): unknown {
  if (cause instanceof DamagedError || hasCode(cause, [CORRUPT, NOT_A_DATABASE]))
    return new SpoilerError('SPL_STATE_DAMAGED', `using ${path}: ${(cause as Error).message}`, {
      onError: 'exit',
      cause,
    })
  if (!isOfSqlite(cause)) return cause
  const doing = `using ${path}: ${cause.message}. Free some space, or let the process write there; it waits`
  return new SpoilerError('SPL_STATE_UNAVAILABLE', doing, { onError: 'retry', cause })
}

interface SqliteError extends Error {
  readonly errcode: number
}

function isOfSqlite(cause: unknown): cause is SqliteError {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_SQLITE_ERROR'
}

/** The lowest byte is the code; what stands above it says more. */
export function hasCode(cause: unknown, codes: readonly number[]): boolean {
  return isOfSqlite(cause) && codes.includes(cause.errcode & 0xff)
}

/** Deletes a file with what SQLite keeps beside it. */
function unlinked(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true })
}

/** The store's name is quoted: whatever it is, it stays a name. */
function table(store: string): string {
  return `"store ${store.replaceAll('"', '""')}"`
}

function checksum(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key))
}

function intact({ key, value, crc }: Pick<Row, 'key' | 'value' | 'crc'>): Buffer {
  if (checksum(key, value) !== crc) throw new DamagedError(`the checksum of '${key}' is wrong`)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
