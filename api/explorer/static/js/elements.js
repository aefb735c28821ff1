// What pages are built of.

/** Build an element; strings become text, never markup, so nothing that was read can write into the page. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Words from elsewhere, isolated, so that a name written right to left turns nothing round. */
export function foreign(text) {
  return element("bdi", { class: "code" }, text);
}

/** `{name}`s in a text of the page become elements. */
export function worded(text, parts) {
  return text.split(/(\{\w+\})/).map((piece) => parts[piece.slice(1, -1)] ?? piece);
}

/** Shanghai's wall clock, as the server writes it; a leaf may hold a time that no calendar has. */
export function moment(milliseconds) {
  const date = new Date(Number(milliseconds) + 8 * 3_600_000);
  return Number.isNaN(date.valueOf()) ? String(milliseconds) : `${date.toISOString().slice(0, 19).replace("T", " ")} (UTC+8)`;
}
