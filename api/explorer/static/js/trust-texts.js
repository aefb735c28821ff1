// What is wrong with a trust file, and what to do, in Chinese and English. `{what}` is what stands there.

import { fill } from "./verify-texts.js";

export const TRUST_FAULTS = {
  "trust-size": { zh: "超过 256 KiB，没有读取。", en: "it has more than 256 KiB; nothing of it was read." },
  "trust-octets": {
    zh: "不得有字节 {what}；请存为纯文本，每行以换行符结束。",
    en: "the byte {what} may not stand there; save it as plain text, lines ended by newlines.",
  },
  "trust-cut": {
    zh: "最后一行没有换行符，文件可能不完整；请重新取得，或补上换行符。",
    en: "the last line has no newline at its end: is the file whole? Fetch it again, or end it by one.",
  },
  "trust-unknown-line": {
    zh: "“{what}”不是所知的行：log、witness、group、quorum；备注以 # 开头。",
    en: "“{what}” begins no line that is known: log, witness, group, quorum. A comment begins by #.",
  },
  "trust-items": { zh: "这一行的项数不对；请对照格式改正。", en: "it has too few or too many items; correct it by the format." },
  "trust-key": {
    zh: "“{what}”不是此处所需的公钥；请向其主人重新取得。",
    en: "“{what}” is no verifier key of the kind needed here; copy it again from its owner.",
  },
  "trust-url": {
    zh: "“{what}”不是地址：http(s)://主机，可带路径，不得带密码。",
    en: "“{what}” is no address: http(s)://HOST, with a path or without, no password.",
  },
  "trust-no-log": { zh: "没有写出日志；请加上 log 行及其公钥。", en: "it names no log; give its key: log <vkey> [<url>]." },
  "trust-two-logs": {
    zh: "写了第二个日志；一份文件只属一个日志，请分成两份。",
    en: "it names a second log; one file is of one log, so make a file for each.",
  },
  "trust-name": {
    zh: "none 专指不要求联署；请换一个名字。",
    en: "none is the quorum that asks nobody; choose another name.",
  },
  "trust-name-twice": {
    zh: "名字“{what}”前面已用；请换一个。",
    en: "the name “{what}” is taken by a line before; choose another one.",
  },
  "trust-key-twice": {
    zh: "它的公钥就是“{what}”的，会被数两次；请去掉其一。",
    en: "its key is that of “{what}” and would count twice; leave one of them out.",
  },
  "trust-unknown-member": {
    zh: "前面没有名为“{what}”的监督方或组；请先写出它，或改正名字。",
    en: "“{what}” is no witness and no group of a line before; define it above, or correct the name.",
  },
  "trust-member-twice": {
    zh: "“{what}”已在某组中，会被数两次；请去掉其一。",
    en: "“{what}” is a member of a group already and would count twice; leave one of them out.",
  },
  "trust-threshold": {
    zh: "“{what}”无法满足，或等于不问任何人；请写 all、any，或 1 至组员数。",
    en: "“{what}” can never be met, or asks nobody; write all, any, or 1 to the number of members.",
  },
  "trust-no-quorum": {
    zh: "没有 quorum 行；请写出一个监督方或组，或 quorum none。",
    en: "it has no quorum line; name a witness or a group, or say: quorum none.",
  },
  "trust-two-quorums": {
    zh: "已有 quorum 行；都要满足的，请放进一个组：all。",
    en: "it has a quorum already; put what must both be met into one group: all.",
  },
  "trust-chain": {
    zh: "“{what}”不是链行：#chain <链号> <合约> [<接口>]…；如是备注，请在 # 后空一格。",
    en: "“{what}”: this is no chain line, #chain <id> <contract> [<rpc>]... If it is a remark, put a space after #.",
  },
  "trust-chain-twice": {
    zh: "与前一链行是同一合约；迁移总是去往另一处，请去掉其一。",
    en: "this is the contract of the chain line before; a move leads to another. Leave one of them out.",
  },
  "trust-too-many": {
    zh: "太多了：至多 63 个监督方、64 个组、16 个链行、每链 8 个接口。",
    en: "too many: 63 witnesses, 64 groups, 16 chain lines, 8 endpoints each are the most.",
  },
};

const WHOLE = { zh: "信任文件：", en: "The trust file: " };
const LINE = { zh: "信任文件第 {line} 行：", en: "The trust file, line {line}: " };

/** Say a `TrustFault` in one language, its stable code at the end. */
export function faultSentence({ code, line, what }, lang) {
  const where = line === null ? WHOLE[lang] : fill(LINE[lang], { line });
  return `${where}${fill(TRUST_FAULTS[code][lang], { what })} [${code}]`;
}
