/**
 * murmur3_x86_32 with seed 0, as a signed number: the hash by which Feast names the fields of a row in Redis, and
 * scikit-learn the bucket of a term. O(bytes).
 *
 * @param from first byte; `to` is behind the last one.
 * @see A. Appleby, MurmurHash3.cpp (public domain)
 */
export function murmur3(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const blocksEnd = from + ((to - from) & ~3)
  let hash = 0
  for (let at = from; at < blocksEnd; at += 4) {
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)
    hash = rotateLeft(hash ^ mixed(low | (high << 16)), 13)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let at = to - 1; at >= blocksEnd; at--) tail = (tail << 8) | (bytes[at] as number)
  hash ^= mixed(tail) ^ (to - from)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mixed(block: number): number {
  return Math.imul(rotateLeft(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
