// The verify page: takes a receipt from a drop, a file or this site, and shows what verify-core.js found.

import { toHex } from "./bytes.js";
import { flagNames, serial, FLAGS } from "./leaf.js";
import { MAX_RECEIPT_BYTES } from "./receipt.js";
import { MAX_STATE_PROOF_BYTES, isStateProof } from "./state-proof.js";
import { verifyReceipt } from "./verify-core.js";
import { verifyStateProof } from "./verify-state.js";
import { OUTCOMES, STATE_VERDICTS, VERDICTS } from "./verify-texts.js";

const root = document.getElementById("verifier");
const lang = root.dataset.lang;
const about = JSON.parse(root.dataset.about);
const texts = JSON.parse(root.dataset.texts);
const names = JSON.parse(root.dataset.names);
const result = document.getElementById("result");
const ICONS = { ok: "check", failed: "cross", "not-checked": "question", proven: "shield", partly: "question" };

/** Build an element; strings become text, never markup, so a receipt cannot write into the page. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

const value = (id) => document.getElementById(id).value.trim();

/** What the visitor chose to believe: the form's values, which begin as this site's. */
function trust() {
  const known = new Map(about.signers.map((signer) => [signer.cosigner_vkey, signer[`name_${lang}`]]));
  const cosigners = value("cosigners").split(/\s+/).filter(Boolean).map((vkey) => ({ vkey, name: known.get(vkey) }));
  const rpc = value("rpc");
  const id = value("chain-id");
  const chain = rpc && /^[0-9]{1,78}$/.test(id) ? { rpc, id: BigInt(id), contract: value("contract") } : null;
  const origin = value("vkey") === about.vkey ? about.origin : undefined;
  return { vkey: value("vkey"), origin, cosigners, chain };
}

async function verify(bytes) {
  const run = (runs += 1);
  say(texts.running);
  const isState = isStateProof(bytes);
  const found = await (isState ? verifyStateProof(bytes, trust(), { asked }) : verifyReceipt(bytes, trust()));
  if (run !== runs) return; // another receipt was dropped meanwhile
  const verdicts = isState ? STATE_VERDICTS : VERDICTS;
  result.replaceChildren(verdictOf(found, verdicts), ...partsOf(found), stepsOf(found), ...detailsOf(found));
  result.dataset.verdict = found.verdict;
  result.focus();
}

function say(sentence) {
  delete result.dataset.verdict;
  result.hidden = false;
  result.replaceChildren(element("p", {}, sentence));
}

function verdictOf({ verdict }, verdicts) {
  const sentence = verdicts[verdict][lang];
  return element("p", { class: `verdict verdict-${verdict}` }, icon(ICONS[verdict] ?? "cross"), element("span", {}, sentence));
}

/** What a state proof says of each part of the grams; nothing when a step refutes it. */
function partsOf({ verdict, parts, receipt, movement }) {
  if (!parts || (verdict !== "proven" && verdict !== "partly")) return [];
  const rows = parts.map((part) => {
    const words = part.movement === null ? [texts.state_not_issued] : [
      texts[`state_${part.state}`], named("form", part.movement.form), named("kind", part.movement.kind),
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

/** Shanghai's wall clock, as the server writes it; a leaf may hold a time that no calendar has. */
function moment(milliseconds) {
  const date = new Date(Number(milliseconds) + 8 * 3_600_000);
  return Number.isNaN(date.valueOf()) ? String(milliseconds) : `${date.toISOString().slice(0, 19).replace("T", " ")} (UTC+8)`;
}

async function take(file) {
  if (!file) return;
  if (file.size > Math.max(MAX_RECEIPT_BYTES, MAX_STATE_PROOF_BYTES)) return say(texts.too_big);
  last = new Uint8Array(await file.arrayBuffer());
  await verify(last);
}

/** A file of the visitor's own: all that it shows is of interest. */
function takeOwn(file) {
  asked = null;
  return take(file);
}

/** `?receipt=` names a receipt of this site, `?first=&last=` the state of grams, and only of this site. */
function namedHere() {
  const query = new URLSearchParams(location.search);
  const receipt = query.get("receipt");
  if (receipt && /^\/v1\/receipts\/[A-Za-z0-9._~-]{1,128}$/.test(receipt)) return receipt;
  const [first, last] = [query.get("first"), query.get("last")];
  if (![first, last].every((number) => /^[0-9]{1,19}$/.test(number ?? ""))) return null;
  asked = [BigInt(first), BigInt(last)];
  return `/v1/state?first=${first}&last=${last}&limit=1000`;
}

async function prefill() {
  const path = namedHere();
  if (path === null) return;
  say(texts.running);
  try {
    const response = await fetch(path);
    if (!response.ok) return say(texts.fetch_failed.replace("{status}", `HTTP ${response.status}`));
    await take(await response.blob());
  } catch (error) {
    say(texts.fetch_failed.replace("{status}", error.message));
  }
}

let last = null;
let asked = null; // the grams that the page's address names; a file says itself of which it is
let runs = 0;
document.getElementById("unscripted").hidden = true;
root.hidden = false;
const drop = document.getElementById("drop");
for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); takeOwn(event.dataTransfer.files[0]); });
drop.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("file").addEventListener("change", (event) => takeOwn(event.target.files[0]));
document.getElementById("trust").addEventListener("change", () => last && verify(last));
document.getElementById("trust").addEventListener("submit", (event) => event.preventDefault());
prefill();
