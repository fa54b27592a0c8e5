import { DuckDBInstance } from '@duckdb/node-api'

export type JsonRow = Readonly<Record<string, unknown>>

/** Rows of a query, asked of DuckDB: it reads Parquet with code that shares nothing with the writer's. */
export async function duckdbRows(sql: string): Promise<JsonRow[]> {
  const database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  try {
    await connection.run("set TimeZone = 'UTC'")
    return (await connection.runAndReadAll(sql)).getRowObjectsJson()
  } finally {
    connection.closeSync()
    database.closeSync()
  }
}
