// The verify page: takes a receipt from a drop, a file or this site, and shows what verify-core.js found.

import { toHex } from "./bytes.js";
import { element, foreign, icon, moment, worded } from "./elements.js";
import { flagNames, serial, FLAGS } from "./leaf.js";
import { MAX_RECEIPT_BYTES } from "./receipt.js";
import { MAX_STATE_PROOF_BYTES, isStateProof } from "./state-proof.js";
import { shown } from "./trust-file.js";
import { TrustPage } from "./trust-page.js";
import { verifyReceipt } from "./verify-core.js";
import { verifyStateProof } from "./verify-state.js";
import { OUTCOMES, STATE_VERDICTS, VERDICTS } from "./verify-texts.js";

const root = document.getElementById("verifier");
const lang = root.dataset.lang;
const about = JSON.parse(root.dataset.about);
const texts = JSON.parse(root.dataset.texts);
const names = JSON.parse(root.dataset.names);
const result = document.getElementById("result");
const MAX_BYTES = Math.max(MAX_RECEIPT_BYTES, MAX_STATE_PROOF_BYTES);
const ICONS = { ok: "check", failed: "cross", "not-checked": "question", "not-asked": "dash", proven: "shield", partly: "question", unchecked: "question", "another-log": "question" };

const value = (id) => document.getElementById(id).value.trim();

/** What the visitor chose to believe: his trust file, or else the form's values, which begin as this site's. */
function trust() {
  if (trusted.inForce !== null) return ofFile(trusted.inForce.trust);
  const known = new Map(about.signers.map((signer) => [signer.cosigner_vkey, signer[`name_${lang}`]]));
  const cosigners = value("cosigners").split(/\s+/).filter(Boolean).map((vkey) => ({ vkey, name: known.get(vkey) }));
  const origin = value("vkey") === about.vkey ? about.origin : undefined;
  return { vkey: value("vkey"), origin, cosigners, chains: formChains() };
}

function ofFile({ log, policy, chains }) {
  return { vkey: log.vkey, policy, chains: chains.map((chain) => ({ ...chain, rpcs: chain.rpcs.map(shown) })) };
}

/** The form's chain; none where nothing stands there. What is no number is no chain's id. */
function formChains() {
  const [rpc, id, contract] = ["rpc", "chain-id", "contract"].map(value);
  if (!rpc && !contract) return [];
  return [{ id: /^[0-9]{1,78}$/.test(id) ? BigInt(id) : -1n, contract, rpcs: rpc ? [rpc] : [] }];
}

/** Take away what stands here, and give the new turn: only the last one is answered. */
function begin(name) {
  turn += 1;
  chosen = null;
  say(name, texts.running);
  return turn;
}

/**
 * Read what was chosen and verify it. `name` is what the visitor knows it by, `read` gives its Blob, `asked` are the grams
 * that the page's address names (a file says itself of which it is), `untold` what to say when it cannot be read.
 */
async function take({ name, read, asked = null, untold = texts.unreadable }) {
  const mine = begin(name);
  let bytes;
  try {
    const blob = await read();
    bytes = blob.size > MAX_BYTES ? null : new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    if (mine === turn) say(name, untold.replace("{status}", () => error.message));
    return;
  }
  if (mine !== turn) return;
  if (bytes === null) return say(name, texts.too_big);
  await verify({ name, bytes, asked });
}

/** Verify by what the visitor trusts now; done again when that changes. */
async function verify(what) {
  const mine = begin(what.name);
  chosen = what;
  try {
    const isState = isStateProof(what.bytes);
    await trusted.ready;
    if (mine !== turn) return;
    if (trusted.unread !== null) return say(what.name, texts.trust_unread);
    const by = trust();
    const found = await (isState ? verifyStateProof(what.bytes, by, { asked: what.asked }) : verifyReceipt(what.bytes, by));
    if (mine === turn) show(what.name, found, isState ? STATE_VERDICTS : VERDICTS);
  } catch (error) {
    if (mine === turn) say(what.name, texts.unfinished.replace("{status}", () => error.message));
  }
}

/** What is trusted is being changed: the verdict was by what stood there before. */
function withdraw(what) {
  begin(what.name);
  chosen = what;
}

function show(name, found, verdicts) {
  result.replaceChildren(nameOf(name), verdictOf(found, verdicts), ...source(found), ...partsOf(found), stepsOf(found), ...detailsOf(found));
  result.dataset.verdict = found.verdict;
  result.focus();
}

/** By what the verdict is. This site's own keys say so: a site that lies lies about them too. What cannot be read was held to none. */
function source({ verdict }) {
  if (verdict === "unreadable") return [];
  const file = trusted.inForce;
  if (file !== null) return [element("p", {}, ...worded(file.isOwn ? texts.by_own : texts.by_file, { name: foreign(file.name) }))];
  const theirs = value("vkey") === about.vkey || value("contract") === about.chain.contract;
  return theirs ? [element("p", {}, texts.own_keys)] : [];
}

function say(name, sentence) {
  delete result.dataset.verdict;
  result.hidden = false;
  result.replaceChildren(nameOf(name), element("p", {}, sentence));
}

/** What the words below are about. */
function nameOf(name) {
  return element("p", { class: "chosen" }, `${texts.about} `, foreign(name));
}

function verdictOf({ verdict }, verdicts) {
  const sentence = verdicts[verdict][lang];
  return element("p", { class: `verdict verdict-${verdict}` }, icon(ICONS[verdict] ?? "cross"), element("span", {}, sentence));
}

function stateOf({ state, into }) {
  const word = texts[`state_${state}`];
  return into === null ? word : `${word} ${serial(...into)}`;
}

/** What a state proof says of each part of the grams; nothing when a step refutes it. */
function partsOf({ verdict, parts, receipt, movement }) {
  if (!parts || (verdict !== "proven" && verdict !== "partly")) return [];
  const rows = parts.map((part) => {
    const words = part.movement === null ? [texts.state_not_issued] : [
      stateOf(part), named("form", part.movement.form), named("kind", part.movement.kind),
      ...flagNames(part.movement.flags).map(flagNamed), `${texts.index} ${grouped(part.index)}`,
    ];
    const name = part.last === null ? `${grouped(part.first)} …` : serial(part.first, part.last);
    return element("li", { "data-state": part.state }, element("span", { class: "code" }, name), ` ${words.join(" · ")}`);
  });
  const asOf = texts.state_as_of.replace("{time}", moment(movement.at)).replace("{size}", grouped(receipt.index));
  return [element("section", { class: "parts" }, element("h2", {}, asOf), element("ul", {}, ...rows))];
}

function stepsOf({ steps }) {
  const items = steps.map((step) => {
    const words = element("div", {},
      element("h2", {}, `${step.number}. ${step[`title_${lang}`]}`),
      element("p", {}, element("span", { class: `outcome outcome-${step.outcome}` }, OUTCOMES[step.outcome][lang]), " ", step[lang]));
    const mark = element("div", { class: `outcome-${step.outcome}` }, icon(ICONS[step.outcome]));
    return element("li", { "data-step": step.id, "data-outcome": step.outcome }, mark, words);
  });
  return element("ol", { class: "verify-steps" }, ...items);
}

function detailsOf({ receipt, movement, steps }) {
  const details = [];
  if (movement) {
    const body = element("dl", { class: "facts" });
    for (const [term, text] of facts(movement, receipt)) body.append(element("dt", {}, term), element("dd", { class: "code" }, text));
    details.push(element("details", { open: "" }, element("summary", {}, texts.says), body));
  }
  const rungs = steps.find((step) => step.rungs)?.rungs ?? [];
  if (rungs.length > 0) {
    const rows = rungs.map(({ side, sibling, hash }) => element("li", { class: "hex" }, `${texts[side]} ${toHex(sibling)} → ${toHex(hash)}`));
    details.push(element("details", {}, element("summary", {}, texts.path), element("ol", {}, ...rows)));
  }
  return details;
}

function facts(movement, receipt) {
  const flags = flagNames(movement.flags).map(flagNamed);
  const rows = [[texts.kind, named("kind", movement.kind)], [texts.index, grouped(receipt.index)], [texts.at, moment(movement.at)]];
  if (movement.last > movement.first) {
    rows.push([texts.serial, serial(movement.first, movement.last)], [texts.quantity, `${grouped(movement.last - movement.first)} g`]);
    rows.push([texts.form, named("form", movement.form)], [texts.flags, flags.join(", ") || texts.flag_none]);
    rows.push([texts.purpose, named("purpose", movement.purpose)]);
    rows.push([texts.until, movement.until === 0n ? texts.none : moment(movement.until)]);
    rows.push([texts.parent, movement.parent === null ? texts.none : grouped(movement.parent)]);
    rows.push([texts.from, toHex(movement.fromTag)], [texts.to, toHex(movement.toTag)]);
  }
  rows.push([texts.evidence, toHex(movement.evidence)], [texts.size, grouped(receipt.checkpoint.size)], [texts.root, toHex(receipt.checkpoint.root)]);
  return rows;
}

const named = (kind, code) => names[`${kind}_${code}`] ?? String(code);
const flagNamed = (name) => names[`flag_${bitOf(name)}`] ?? name;
const bitOf = (name) => Object.keys(FLAGS).find((bit) => FLAGS[bit] === name);
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** Files of the visitor's own; one verdict is of one file. */
function takeFiles(files) {
  const names = Array.from(files, (file) => file.name).join(", ");
  if (files.length === 1) return take({ name: names, read: async () => files[0] });
  begin(names || texts.nothing);
  say(names || texts.nothing, files.length === 0 ? texts.no_file : texts.several);
}

/** `?receipt=` names a receipt of this site, `?first_g=&end_g=` the state of grams, and only of this site. */
function namedHere() {
  const query = new URLSearchParams(location.search);
  const receipt = query.get("receipt");
  if (receipt && /^\/v1\/leaves\/[0-9]{1,19}\/receipt$/.test(receipt)) return { name: receipt };
  const [first, end] = [query.get("first_g"), query.get("end_g")];
  if (![first, end].every((number) => /^[0-9]{1,19}$/.test(number ?? ""))) return null;
  return { name: `/v1/state?first_g=${first}&end_g=${end}&limit=1000`, asked: [BigInt(first), BigInt(end)] };
}

async function fetched(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.blob();
}

function prefill() {
  const here = namedHere();
  if (here !== null) take({ ...here, read: () => fetched(here.name), untold: texts.fetch_failed });
}

let turn = 0;
let chosen = null; // what was read last, with its name; null while there is none
document.getElementById("unscripted").hidden = true;
root.hidden = false;
const input = document.getElementById("file");
const drop = document.getElementById("drop");
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); input.value = ""; takeFiles(event.dataTransfer.files); });
drop.addEventListener("submit", (event) => event.preventDefault());
input.addEventListener("click", () => { input.value = ""; }); // the same file chosen again may hold something else by now
input.addEventListener("change", () => takeFiles(input.files));
const form = document.getElementById("trust");
form.addEventListener("input", () => chosen && withdraw(chosen));
form.addEventListener("change", () => chosen && verify(chosen));
form.addEventListener("submit", (event) => event.preventDefault());
const trusted = new TrustPage(texts, lang, () => chosen && verify(chosen));
prefill();
