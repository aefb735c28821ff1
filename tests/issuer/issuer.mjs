// oidc-provider as a city's identity service: people by authorization code with PKCE, systems by client credentials.
//
//   node issuer.mjs [PORT]      prints its URL; whoever signs in is believed
//
// POST /control/NAME changes it while it runs: rotate (another key, the old one is gone), vanish (no keys at all),
// down (every answer is 503), up.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const AUDIENCE = process.env.AUDIENCE ?? 'gramledger';
const server = createServer((request, response) => answer(request, response));
await new Promise((ready) => server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', ready));
const url = `http://127.0.0.1:${server.address().port}`;
let provider = make();
let state = 'up';

function make() {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return new Provider(url, {
    jwks: { keys: [{ ...key, kid: randomUUID(), use: 'sig', alg: 'ES256' }] },
    clients: [
      {
        client_id: 'pages', token_endpoint_auth_method: 'none', application_type: 'native', id_token_signed_response_alg: 'ES256',
        redirect_uris: ['http://127.0.0.1/sign-in/callback'], grant_types: ['authorization_code'], response_types: ['code'],
      },
      {
        client_id: 'riding-platform', client_secret: 'a secret of the riding platform, of some length',
        id_token_signed_response_alg: 'ES256', redirect_uris: [], grant_types: ['client_credentials'], response_types: [],
      },
    ],
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    cookies: { keys: ['not a secret'] },
    pkce: { required: () => true },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:gramledger',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: '', audience: AUDIENCE, accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
}

function answer(request, response) {
  const control = request.method === 'POST' && request.url.match(/^\/control\/(rotate|vanish|down|up)$/);
  if (control) {
    state = control[1] === 'rotate' ? state : control[1];
    provider = control[1] === 'rotate' ? make() : provider;
    response.end();
  } else if (state === 'down') {
    response.writeHead(503).end();
  } else if (state === 'vanish' && request.url === '/jwks') {
    response.setHeader('content-type', 'application/json').end('{"keys": []}');
  } else {
    provider.callback()(request, response);
  }
}

console.log(url);
process.stdin.on('end', () => process.exit(0)).resume(); // whoever started it is gone
