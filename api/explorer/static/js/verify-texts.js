// What the verifier says, in Chinese and English. `{name}` is filled in from the step's facts.

export const STEPS = {
  receipt: { zh: "读取凭证", en: "Read the receipt" },
  checkpoint: { zh: "检查点的来源与日志签名", en: "The checkpoint's origin and the log's signature" },
  cosignatures: { zh: "各监督方的联署", en: "The authorities' cosignatures" },
  leaf: { zh: "解码叶子并计算其散列", en: "Decode the leaf and hash it" },
  inclusion: { zh: "沿路径算到检查点的树根", en: "Climb the path to the checkpoint's root" },
  record: { zh: "记录即此状态", en: "The record is of this state" },
  map: { zh: "各区段算得状态的根", en: "The entries make the state's root" },
  cover: { zh: "区段覆盖所问的克", en: "The entries cover the grams asked for" },
  anchor: { zh: "链上的树根与检查点相同", en: "The root on the chain equals the checkpoint's" },
};

export const OUTCOMES = {
  ok: { zh: "成立", en: "Holds" },
  failed: { zh: "不成立", en: "Does not hold" },
  "not-checked": { zh: "此处未能查", en: "Could not be checked" },
  "not-asked": { zh: "未要求查", en: "Not asked for" },
};

export const VERDICTS = {
  proven: {
    zh: "每一步都成立：这一笔确实在公开日志中，且该日志状态已锚定上链。",
    en: "Every step holds: this movement is in the public log, and that state of the log is anchored on the chain.",
  },
  partly: {
    zh: "只证明了一部分：所要求的步骤都成立，但有步骤未要求查，见下。",
    en: "Proven in part: every step asked for holds, but some were not asked for; see below.",
  },
  refuted: { zh: "有步骤不成立：不要相信这份凭证。", en: "A step does not hold: do not trust this receipt." },
  "another-log": {
    zh: "这是另一日志的凭证，用所给的公钥无从核验。",
    en: "This receipt is of another log than the key's, and cannot be checked with it.",
  },
  unchecked: { zh: "未能证明：有步骤未能查，见下。", en: "Not proven: something could not be checked; see below." },
  unreadable: { zh: "这不是一份能读懂的凭证。", en: "This is not a receipt that can be read." },
};

/** What a state proof comes to; other verdicts are those of a receipt. */
export const STATE_VERDICTS = {
  proven: {
    zh: "已证明：在日志的这一大小，这些克就是下列状态，别无其他。",
    en: "Proven: at this size of the log these grams were what is listed below, and nothing else.",
  },
  partly: VERDICTS.partly,
  refuted: { zh: "有步骤不成立：不要相信这份状态证明。", en: "A step does not hold: do not trust this state proof." },
  "another-log": {
    zh: "这是另一日志的状态证明，用所给的公钥无从核验。",
    en: "This state proof is of another log than the key's, and cannot be checked with it.",
  },
  unchecked: VERDICTS.unchecked,
  unreadable: { zh: "这不是一份能读懂的状态证明。", en: "This is not a state proof that can be read." },
};

export const REASONS = {
  "receipt-read": {
    zh: "第 {index} 号叶子，路径 {rungs} 级，检查点含 {size} 片叶子。",
    en: "Leaf {index}, a path of {rungs} hashes, a checkpoint of {size} leaves.",
  },
  "receipt-malformed": { zh: "文件不是 tlog-proof@v1 格式（{fault}）。", en: "The file is not a tlog-proof@v1 ({fault})." },
  "needs-receipt": { zh: "凭证读不出，无从核验。", en: "Without a readable receipt there is nothing to check." },
  "state-read": {
    zh: "第 {index} 号叶子记录的状态，出示 {shown} 个区段（共 {entries} 个）。",
    en: "The state recorded at leaf {index}; {shown} of its {entries} entries are shown.",
  },
  "state-malformed": { zh: "文件不是状态证明（{fault}）。", en: "The file is not a state proof ({fault})." },
  recorded: { zh: "第 {index} 号叶子承诺了它之前 {index} 片叶子的状态。", en: "Leaf {index} commits to the state of the {index} leaves before it." },
  "no-record": { zh: "第 {index} 号叶子不是状态记录。", en: "Leaf {index} is no record of a state." },
  "other-state": { zh: "第 {index} 号叶子承诺的是另一状态。", en: "Leaf {index} commits to another state." },
  mapped: { zh: "每一克在此状态中恰有一个区段，共 {frontier} 克。", en: "Every gram has exactly one entry in this state of {frontier} grams." },
  unmapped: { zh: "区段与状态的根不符（{fault}）。", en: "The entries do not make the state's root ({fault})." },
  covered: { zh: "第 {first} 克至第 {last} 克各有一个状态。", en: "Every gram from {first} to {last} has one state." },
  "not-covered": {
    zh: "证明没有给出第 {first} 克至第 {last} 克的全部，或前面的步骤不成立。",
    en: "The proof does not show all of the grams {first} to {last}, or a step before does not hold.",
  },
  "none-named": { zh: "没有指明哪些克；证明所示见下。", en: "No range of grams was named; what the proof shows is below." },
  "no-web-crypto": {
    zh: "浏览器在此页面不提供 Web Crypto（需要 https 或本机地址）。请用命令行核验。",
    en: "The browser offers no Web Crypto on this page (it needs https or this machine). Use the command line.",
  },
  "no-ed25519": {
    zh: "此浏览器不支持 Ed25519，签名未查。请用较新的浏览器或命令行。",
    en: "This browser lacks Ed25519, so the signature was not checked. Use a newer browser or the command line.",
  },
  "no-vkey": { zh: "没有给出日志的公钥。", en: "No public key of the log was given." },
  "bad-vkey": { zh: "给出的公钥无法读懂。", en: "The public key that was given cannot be read." },
  "log-signed": { zh: "“{origin}”的签名有效。", en: "The signature of “{origin}” is valid." },
  "other-origin": {
    zh: "检查点来自“{origin}”，而不是“{expected}”。",
    en: "The checkpoint is of “{origin}”, not of “{expected}”.",
  },
  "log-unsigned": { zh: "检查点上没有该公钥的签名。", en: "The checkpoint bears no signature of this key." },
  "log-badly-signed": { zh: "日志的签名无效。", en: "The log's signature is not valid." },
  "no-cosigners": { zh: "没有要求任何监督方联署。", en: "No authority's cosignature was asked for." },
  "bad-cosigners": {
    zh: "给出的监督方公钥无法读懂，或同一公钥用了两个名字。",
    en: "The authorities' public keys that were given cannot be read, or one key stands there under two names.",
  },
  cosigned: {
    zh: "{count} 家（共 {total} 家）联署有效：{names}；需要 {needs}。",
    en: "{count} of {total} valid: {names}; needed: {needs}.",
  },
  "not-cosigned": {
    zh: "检查点上没有所知监督方的联署；需要 {needs}。",
    en: "The checkpoint bears no known authority's cosignature; needed: {needs}.",
  },
  "too-few-cosigners": {
    zh: "只有 {count} 家联署有效（{names}）；需要 {needs}。",
    en: "Only {count} valid ({names}); needed: {needs}.",
  },
  "badly-cosigned": { zh: "联署无效：{names}。", en: "Not valid: {names}." },
  "leaf-hashed": { zh: "叶子散列 {hash}。", en: "Leaf hash {hash}." },
  "leaf-malformed": { zh: "叶子不是 114 字节的第 1 版格式（{fault}）。", en: "The leaf is not 114 bytes of version 1 ({fault})." },
  included: { zh: "经 {rungs} 级算得 {root}，与检查点相同。", en: "{rungs} hashes up to {root}, the checkpoint's root." },
  "not-included": { zh: "算出的树根与检查点不同。", en: "The path does not lead to the checkpoint's root." },
  "no-chain": { zh: "没有给出链与合约。", en: "No chain and contract were given." },
  "no-endpoint": { zh: "没有给出链 {chain} 的接口，未向链上查。", en: "No endpoint of chain {chain} was given, so the chain was not asked." },
  anchored: {
    zh: "合约 {contract} 在链 {chain} 上保存着同一树根。",
    en: "Contract {contract} on chain {chain} holds the same root.",
  },
  "other-root": { zh: "链上对 {size} 片叶子保存着另一个树根。", en: "For {size} leaves the chain holds another root." },
  "two-roots": {
    zh: "对 {size} 片叶子，合约或接口给出了两个不同的树根。",
    en: "For {size} leaves two contracts, or two endpoints, show two roots.",
  },
  broken: { zh: "合约已记录登记簿违规的证据。", en: "The contract holds proof that the registry broke a rule." },
  "not-anchored": { zh: "大小为 {size} 的检查点尚未锚定。", en: "The checkpoint of {size} leaves is not anchored yet." },
  unreachable: { zh: "浏览器连不上链的接口 {detail}。", en: "The browser cannot reach the chain at {detail}." },
  "few-agree": { zh: "链 {detail} 的接口说法不一，没有过半的说法相同。", en: "The endpoints of chain {detail} say different things, no more than half of them the same." },
  "other-chain": { zh: "接口给出的是另一条链（{detail}）。", en: "The endpoint serves another chain ({detail})." },
  "no-contract": { zh: "该地址上没有合约。", en: "There is no contract at this address." },
  "contract-address": {
    zh: "合约地址不对：0x 加 40 位十六进制，大小写须合其校验（EIP-55）。",
    en: "The contract's address is malformed: 0x and 40 hex digits, mixed case only as its checksum (EIP-55) says.",
  },
  refused: { zh: "链的接口拒绝回答：{detail}", en: "The endpoint refuses: {detail}" },
  nonsense: { zh: "链的接口答非所问。", en: "The endpoint's answer makes no sense." },
};

export function fill(text, facts) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(facts[name] ?? whole));
}
