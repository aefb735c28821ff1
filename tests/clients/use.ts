// Does the ten calls of docs/connecting.md with the generated types, as use.py does: `node use.js URL ISSUER CENTRE OTHER SOURCE SUBJECT`.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

declare const process: { argv: string[]; stdin: AsyncIterable<Uint8Array> };
const [baseUrl, issuer, centreToken, otherToken, sourceText, subject] = process.argv.slice(2) as [string, string, string, string, string, string];
const source = Number(sourceText), rider = `${subject}-rider`, WAIT_MS = 300_000;

const signedIn = (token: string) => createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const header = () => ({ "idempotency-key": crypto.randomUUID() });
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const must = <T>(value: T | undefined | null, what: string): T => {
  if (value === undefined || value === null) throw new Error(what);
  return value;
};
const done = <T>({ data, error }: { data?: T; error?: unknown }): T => must(data, JSON.stringify(error));
async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  for (const end = Date.now() + WAIT_MS; ; await new Promise((wake) => setTimeout(wake, 100))) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > end) throw new Error(JSON.stringify(seen));
  }
}

const centre = signedIn(centreToken), other = signedIn(otherToken), anyone = createClient<paths>({ baseUrl });
const granted = await fetch(`${issuer}/token`, {
  method: "POST",
  headers: { Authorization: `Basic ${btoa(`${subject}:development`)}` },
  body: new URLSearchParams({ grant_type: "client_credentials" }),
});
const platform = signedIn(((await granted.json()) as { access_token: string }).access_token);

const opened = async (kind: "individual" | "institution", name: string) => {
  const said = await centre.POST("/v1/accounts", { params: { header: header() }, body: { kind, name } });
  const { id } = done(said);
  if (said.response.headers.get("Location") !== `/v1/accounts/${id}`) throw new Error("Location");
  return id;
};
const personId = await opened("individual", "Rider"), shopId = await opened("institution", "Shop");
console.log(`${personId} ${shopId}`);
let lines = "";
for await (const bytes of process.stdin) {
  lines += new TextDecoder().decode(bytes);
  if (lines.split("\n").length > 2) break;
}
const [person, shop] = lines.split("\n").slice(0, 2).map(signedIn) as [ReturnType<typeof signedIn>, ReturnType<typeof signedIn>];
const asPerson = () => ({ path: { account_id: personId }, header: header() });
const asShop = () => ({ path: { account_id: shopId }, header: header() });

const { code } = done(await person.POST("/v1/accounts/{account_id}/link-codes", { params: asPerson(), body: { source } }));
const ofSource = () => ({ path: { source_id: source }, header: header() });
done(await platform.POST("/v1/sources/{source_id}/consents", { params: ofSource(), body: { code, external_id: rider } }));

const content = new TextEncoder().encode(`\
orderid,bikeid,userid,start_time,start_location_x,start_location_y,end_time,end_location_x,end_location_y,track
${rider}-1,bike-${subject},${rider},2016-08-19 21:41,121.522,31.289,2016-08-19 22:01,121.514,31.307,
${rider}-2,bike-${subject},nobody,2016-08-19 21:41,121.522,31.289,2016-08-19 22:01,121.514,31.307,
`);
const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
const declared = {
  profile: "shanghai-rides",
  bytes: content.length,
  sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  period_from: new Date("2016-08-01").toISOString(),
  period_until: new Date("2016-09-01").toISOString(),
};
const { batch: number } = done(await platform.POST("/v1/sources/{source_id}/batches", { params: ofSource(), body: declared }));
done(
  await platform.PUT("/v1/batches/{batch}/parts/{first_byte}", {
    params: { path: { batch: number, first_byte: 0 }, header: { "content-digest": `sha-256=:${base64(digest)}:` } },
    headers: { "Content-Type": "application/octet-stream" },
    body: "", // the types have binary as text
    bodySerializer: () => content,
  }),
);
const ofBatch = { path: { batch: number } };
const batch = (state: string) =>
  until(async () => done(await platform.GET("/v1/batches/{batch}", { params: ofBatch })), (seen) => seen.state === state);
const judged = await batch("judged");
const reasons = done(await platform.GET("/v1/batches/{batch}/rows", { params: ofBatch })).items.map(({ reason }) => reason);

done(await centre.POST("/v1/batches/{batch}/proposal", { params: { ...ofBatch, header: header() }, body: { version: judged.version } }));
const proposed = (await batch("proposed")).case;
const { motion } = must(done(await other.GET("/v1/motions", {})).items.find((one) => one.case === proposed), "its motion");
done(await other.POST("/v1/motions/{motion}/approval", { params: { path: { motion }, header: header() } }));
const issued = await batch("issued");

const convert = (quantity_g: number) =>
  person.POST("/v1/accounts/{account_id}/conversions", { params: asPerson(), body: { quantity_g } });
done(await convert(100));
const order = { quantity_g: 60, provider: shopId, reference: "order-1" };
const redeemed = done(await person.POST("/v1/accounts/{account_id}/redemptions", { params: asPerson(), body: order }));
if (!("act" in redeemed)) throw new Error("it became a job");
const refund = { quantity_g: 20, redemption: redeemed.act };
done(await shop.POST("/v1/accounts/{account_id}/refunds", { params: asShop(), body: refund }));
const returned = done(await shop.POST("/v1/accounts/{account_id}/returns", { params: asShop(), body: { all: true } }));
if (!("movements" in returned)) throw new Error("it became a job");
const movement = Number(must(returned.movements[0], "a movement").id), ofMovement = { params: { path: { movement } } };
const { data: receipt } = await until(
  () => shop.GET("/v1/movements/{movement}/receipt", { ...ofMovement, parseAs: "text" }),
  ({ data }) => data !== undefined,
);

const refused = must((await convert(90_000)).error, "refused");
const ofShop = { params: { path: { account_id: shopId } } };
const events = await until(
  async () => done(await shop.GET("/v1/accounts/{account_id}/events", ofShop)).items,
  (items) => items.length === 3,
);
const found = done(await person.GET("/v1/accounts/{account_id}", { params: { path: { account_id: personId } } }));
done(await anyone.GET("/v1/totals", {}));
console.log(
  JSON.stringify({
    stands: [judged.summary?.accepted, reasons],
    issued: issued.summary?.quantity_g,
    balances: Object.fromEntries(found.balances.map(({ form, quantity_g }) => [form, quantity_g])),
    moved: done(await shop.GET("/v1/movements/{movement}", ofMovement)).kind,
    bundle: returned.bundle,
    refused: refused.type,
    events: events.map(({ type }) => type),
    receipt,
  }),
);
