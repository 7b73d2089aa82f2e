// Verifies identity tokens with one JOSE library.
//
// usage: node verify.cjs LIBRARY ISSUER AUDIENCE FOLDER
//
// Reads one token a line, prints one line for each: `accepted SUBJECT` or `refused REASON`. The libraries lie in
// FOLDER/node_modules; the authority behind the issuer's certificate is named by NODE_EXTRA_CA_CERTS.

const path = require("node:path");
const readline = require("node:readline");

const [library, issuer, audience, folder] = process.argv.slice(2);
const load = (name) => require(require.resolve(name, { paths: [path.join(folder, "node_modules")] }));

async function fetchJson(address) {
  const response = await fetch(address, { redirect: "error" });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response.json();
}

const libraries = {
  async jose(discovery) {
    const { createRemoteJWKSet, jwtVerify } = load("jose");
    const keys = createRemoteJWKSet(new URL(discovery.jwks_uri));
    const requiredClaims = ["exp", "nbf", "iat", "sub", "jti"];
    return async (token) =>
      (await jwtVerify(token, keys, { issuer, audience, algorithms: ["RS256"], requiredClaims })).payload;
  },

  async jsrsasign(discovery) {
    const { KEYUTIL, KJUR, b64utoutf8 } = load("jsrsasign");
    const { keys } = await fetchJson(discovery.jwks_uri);
    return async (token) => {
      const [header, payload] = token.split(".").slice(0, 2).map((part) => JSON.parse(b64utoutf8(part)));
      const found = keys.find((key) => key.kid === header.kid);
      if (!found) throw new Error("the key is unknown");
      const expected = { alg: ["RS256"], iss: [issuer], aud: [audience], gracePeriod: 0 };
      if (!KJUR.jws.JWS.verifyJWT(token, KEYUTIL.getKey(found), expected)) throw new Error("verifyJWT said no");
      return payload;
    };
  },
};

async function main() {
  const discovery = await fetchJson(`${issuer}/.well-known/openid-configuration`);
  if (discovery.issuer !== issuer) throw new Error(`the discovery document is of ${discovery.issuer}`);
  const verify = await libraries[library](discovery);
  for await (const token of readline.createInterface({ input: process.stdin })) {
    try {
      console.log("accepted", (await verify(token)).sub);
    } catch (error) {
      console.log("refused", String(error).replaceAll("\n", " "));
    }
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
