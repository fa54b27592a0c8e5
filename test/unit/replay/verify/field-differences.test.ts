import { expect, test } from 'vitest'
import { fieldDifferences } from '../../../../replay/verify/field-differences.ts'

test.each([
  [{ a: 1 }, { a: 1 }, []],
  [{ values: [1, 2] }, { values: [1, 3] }, [{ path: 'values.1', made: '2', live: '3' }]],
  [{ a: null }, { a: { b: 1 } }, [{ path: 'a', made: 'null', live: '{"b":1}' }]],
  [{ a: [1] }, { a: [1, 2] }, [{ path: 'a.1', made: undefined, live: '2' }]],
  [{ a: 0 }, { a: -0 }, [{ path: 'a', made: '0', live: '-0' }]],
  [{ a: Number.NaN }, { a: Number.NaN }, []],
  [{ a: 'x', b: { c: 'y' } }, { a: 'x', b: { c: 'z' } }, [{ path: 'b.c', made: '"y"', live: '"z"' }]],
])('%j made again, %j live', (made, live, expected) => {
  expect(fieldDifferences(made, live)).toEqual(expected)
})

test('of many differences the first ten places are told', () => {
  const values = (from: number) => ({ values: Array.from({ length: 59 }, (_, i) => from + i) })
  expect(fieldDifferences(values(0), values(1)).map(({ path }) => path)).toEqual(
    Array.from({ length: 10 }, (_, i) => `values.${i}`),
  )
})
