// Uses the generated types: `node use.js URL CENTRE_TOKEN HOLDER_TOKEN ACCOUNT`.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

declare const process: { argv: string[] };
const [baseUrl, centreToken, holderToken, number] = process.argv.slice(2) as [string, string, string, string];
const as = (token: string) => createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const centre = as(centreToken), holder = as(holderToken), anyone = createClient<paths>({ baseUrl });
const header = () => ({ "idempotency-key": crypto.randomUUID() });
const must = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Error(what);
  return value;
};

const opened = await centre.POST("/v1/accounts", {
  params: { header: header() },
  body: { kind: "individual", name: "Rider" },
});
if (opened.response.headers.get("Location") !== `/v1/accounts/${must(opened.data, "opened").id}`) throw new Error("Location");

const account_id = Number(number);
const convert = (quantity_g: number) =>
  holder.POST("/v1/accounts/{account_id}/conversions", { params: { path: { account_id }, header: header() }, body: { quantity_g } });
const converted = must((await convert(20)).data, "converted");
if (!("movements" in converted)) throw new Error("it became a job");
const movement = Number(must(converted.movements[0], "a movement").id);
const moved = must((await holder.GET("/v1/movements/{movement}", { params: { path: { movement } } })).data, "moved");
const refused = must((await convert(900)).error, "refused");
const found = must((await holder.GET("/v1/accounts/{account_id}", { params: { path: { account_id } } })).data, "found");
const totals = (await anyone.GET("/v1/totals", {})).data;
console.log(
  JSON.stringify({
    balances: Object.fromEntries(found.balances.map(({ form, quantity_g }) => [form, quantity_g])),
    moved: moved.kind,
    refused: refused.type,
    issued: totals !== undefined,
  }),
);
