// Keccak-256 as Ethereum has it: FIPS 202's permutation with the padding of the first submission, which begins by 0x01.

const RATE = 136;
const LANE = (1n << 64n) - 1n;
const ROUNDS = 24;

/** Offsets of rho, FIPS 202 table 2, for the lane at x + 5 y. */
const OFFSETS = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14].map(BigInt);

const CONSTANTS = roundConstants();

/** Hash bytes to 32 bytes. */
export function keccak256(bytes) {
  const padded = new Uint8Array((Math.floor(bytes.length / RATE) + 1) * RATE);
  padded.set(bytes);
  padded[bytes.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const view = new DataView(padded.buffer);
  let lanes = Array(25).fill(0n);
  for (let block = 0; block < padded.length; block += RATE) {
    for (let lane = 0; lane < RATE / 8; lane += 1) lanes[lane] ^= view.getBigUint64(block + 8 * lane, true);
    for (let round = 0; round < ROUNDS; round += 1) lanes = permuted(lanes, CONSTANTS[round]);
  }
  const hash = new DataView(new ArrayBuffer(32));
  for (let lane = 0; lane < 4; lane += 1) hash.setBigUint64(8 * lane, lanes[lane], true);
  return new Uint8Array(hash.buffer);
}

/** One round: theta, rho and pi, chi, iota. */
function permuted(lanes, constant) {
  const columns = [0, 1, 2, 3, 4].map((x) => lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]);
  const moved = Array(25);
  for (let x = 0; x < 5; x += 1) {
    const parity = columns[(x + 4) % 5] ^ turned(columns[(x + 1) % 5], 1n);
    for (let y = 0; y < 5; y += 1) moved[y + 5 * ((2 * x + 3 * y) % 5)] = turned(lanes[x + 5 * y] ^ parity, OFFSETS[x + 5 * y]);
  }
  const made = moved.map((lane, at) => {
    const row = at - (at % 5);
    return lane ^ (~moved[row + ((at + 1) % 5)] & LANE & moved[row + ((at + 2) % 5)]);
  });
  made[0] ^= constant;
  return made;
}

function turned(lane, bits) {
  return ((lane << bits) | (lane >> (64n - bits))) & LANE;
}

/** FIPS 202 algorithm 5: bits of a shift register, at the places 2^j - 1. */
function roundConstants() {
  let register = 1;
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let j = 0; j < 7; j += 1) {
      if (register & 1) constant |= 1n << BigInt(2 ** j - 1);
      register = register & 0x80 ? ((register << 1) ^ 0x171) : register << 1;
    }
    return constant;
  });
}
