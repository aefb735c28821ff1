// What the visitor believes, on the verify page: a trust file of his own, or else this site's word; and where it came from.

import { NoWebCrypto, equal } from "./bytes.js";
import { element, foreign, moment, worded } from "./elements.js";
import { MAX_TRUST_BYTES, TrustFault, readTrust, shown } from "./trust-file.js";
import { forget, keep, kept, watch } from "./trust-kept.js";
import { needs } from "./trust-policy.js";
import { faultSentence } from "./trust-texts.js";
import { REASONS } from "./verify-texts.js";

const believed = document.getElementById("believed");
const fault = document.getElementById("trust-fault");
const input = document.getElementById("trust-input");
const drop = document.getElementById("trust-drop");
const own = document.getElementById("own-word");

/**
 * The trust file on the page; `changed` is called when another is in force. When `ready` resolves, `inForce` is `{name, at,
 * isOwn, trust, isKept}`, or null while this site's word is all there is; `unread` says why a file that is kept cannot be
 * read, or is null: while it does, there is no verdict, and least of all one by this site's word.
 */
export class TrustPage {
  constructor(texts, lang, changed) {
    this.texts = texts;
    this.lang = lang;
    this.changed = changed;
    this.inForce = this.unread = null;
    this.turn = 0;
    input.addEventListener("click", () => { input.value = ""; });
    input.addEventListener("change", () => this.take(input.files));
    drop.addEventListener("submit", (event) => event.preventDefault());
    for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => { event.preventDefault(); this.take(event.dataTransfer.files); });
    this.ready = this.open();
    watch(() => { this.ready = this.open(); this.ready.then(changed); });
  }

  /** Read again what this browser keeps. */
  async open() {
    const mine = (this.turn += 1);
    const found = kept();
    let [inForce, unread] = [null, null];
    try {
      if (found !== null) inForce = { ...found, trust: await readTrust(found.bytes), isKept: true };
    } catch (error) {
      unread = this.sentence(error);
    }
    if (mine === this.turn) this.show(inForce, unread);
  }

  /** Take a file of the visitor's; one that is refused changes nothing. */
  async take(files) {
    if (files.length !== 1) return this.refuse(files.length === 0 ? this.texts.no_file : this.texts.trust_several);
    const mine = (this.turn += 1);
    const [{ name, size }] = files;
    try {
      const bytes = new Uint8Array(size > MAX_TRUST_BYTES ? MAX_TRUST_BYTES + 1 : await files[0].arrayBuffer());
      const trust = await readTrust(bytes);
      const made = { name, at: Date.now(), isOwn: await isOwn(bytes) };
      if (mine !== this.turn) return;
      this.show({ ...made, trust, isKept: keep({ ...made, bytes }) });
      this.changed();
    } catch (error) {
      if (mine === this.turn) this.refuse(this.sentence(error));
    }
  }

  forget() {
    this.turn += 1;
    forget();
    this.show(null);
    this.changed();
    input.focus();
  }

  sentence(error) {
    if (error instanceof TrustFault) return faultSentence(error, this.lang);
    if (error instanceof NoWebCrypto) return REASONS["no-web-crypto"][this.lang];
    return this.texts.unreadable.replace("{status}", () => error.message);
  }

  refuse(sentence) {
    fault.textContent = `${sentence} ${this.texts.trust_unchanged}`;
    fault.hidden = false;
  }

  show(inForce, unread = null) {
    this.inForce = inForce;
    this.unread = unread;
    fault.hidden = true;
    own.hidden = inForce !== null || unread !== null;
    believed.dataset.source = unread !== null ? "unread" : inForce === null ? "site" : "file";
    believed.replaceChildren(...(unread !== null ? this.unreadable(unread) : inForce === null ? this.sites() : this.files(inForce)));
  }

  sites() {
    return [element("p", {}, element("strong", {}, this.texts.trust_site), " ", this.texts.trust_site_long)];
  }

  unreadable(unread) {
    return [element("p", { class: "callout" }, `${this.texts.trust_unread} ${unread}`), this.button()];
  }

  files({ name, at, trust, isKept, isOwn: isThis }) {
    const { texts } = this;
    const where = worded(texts.trust_file, { name: foreign(name), time: moment(at) });
    const facts = element("dl", { class: "facts" });
    for (const [term, ...words] of this.facts(trust)) facts.append(element("dt", {}, term), ...words.map((word) => element("dd", {}, foreign(word))));
    return [
      element("p", {}, element("strong", {}, ...where), " ", isKept ? texts.trust_kept : texts.trust_unkept),
      ...(isThis ? [element("p", { class: "callout" }, texts.trust_own)] : []),
      facts,
      this.button(),
    ];
  }

  facts({ log, policy, chains }) {
    const { texts } = this;
    const places = chains.map(({ id, contract, rpcs }) => `${contract} @ ${id}${rpcs.length > 0 ? ` (${rpcs.map(hostOf).join(", ")})` : ""}`);
    return [
      [texts.vkey, log.vkey],
      [texts.trust_quorum, policy.quorum === "none" ? texts.trust_nobody : needs(policy)],
      [texts.contract, ...(places.length > 0 ? places : [texts.none])],
    ];
  }

  button() {
    const made = element("button", { type: "button", class: "quiet", id: "forget" }, this.texts.trust_forget);
    made.addEventListener("click", () => this.forget());
    return made;
  }
}

/** An endpoint without its path, which may hold a secret of its owner's. */
function hostOf(rpc) {
  const text = shown(rpc);
  return URL.canParse(text) ? new URL(text).host : text;
}

/** Whether it is, to the byte, what this site says of itself; a site that does not answer says nothing. */
async function isOwn(bytes) {
  try {
    const response = await fetch("/v1/trust");
    return response.ok && equal(bytes, new Uint8Array(await response.arrayBuffer()));
  } catch {
    return false;
  }
}
