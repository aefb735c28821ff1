// Prints the page's verdict of each receipt by a trust file: node by_trust.mjs TRUST RECEIPT...

import { readFileSync } from "node:fs";

import { readTrust } from "../../api/explorer/static/js/trust-file.js";
import { verifyReceipt } from "../../api/explorer/static/js/verify-core.js";

const [trust, ...receipts] = process.argv.slice(2).map((path) => new Uint8Array(readFileSync(path)));
const { log, policy, chains } = await readTrust(trust);
for (const receipt of receipts) {
  const { verdict } = await verifyReceipt(receipt, { vkey: log.vkey, policy, chains });
  process.stdout.write(`${verdict}\n`);
}
