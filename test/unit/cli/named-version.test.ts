import { expect, test } from 'vitest'
import { parseVersion } from '../../../cli/named-version.ts'

test('a version is written as name@version', () => {
  expect(parseVersion('baseline@0123456789abcdef')).toEqual({ name: 'baseline', version: '0123456789abcdef' })
  for (const text of ['baseline', '0123456789abcdef', 'Baseline@0123456789abcdef', 'baseline@0123', 'a@../../etc'])
    expect(() => parseVersion(text)).toThrow('shield models ls')
})
