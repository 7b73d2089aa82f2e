"""Verifies identity tokens with one JOSE library.

usage: verify.py LIBRARY ISSUER AUDIENCE CA_FILE

Reads one token a line, prints one line for each: `accepted SUBJECT` or `refused REASON`. Discovery and the key set are
fetched over TLS that is checked with CA_FILE.
"""

import json
import ssl
import sys
import urllib.request


def main():
    library, issuer, audience, ca_file = sys.argv[1:]
    tls = ssl.create_default_context(cafile=ca_file)

    def fetch(address):
        with urllib.request.urlopen(address, context=tls) as response:
            return json.load(response)

    discovery = fetch(f"{issuer}/.well-known/openid-configuration")
    if discovery["issuer"] != issuer:
        sys.exit(f"the discovery document is of {discovery['issuer']}")
    verify = LIBRARIES[library]
    key_set = fetch(discovery["jwks_uri"])
    for line in sys.stdin:
        try:
            print("accepted", verify(line.strip(), key_set, issuer, audience)["sub"], flush=True)
        except Exception as error:
            print("refused", type(error).__name__, str(error).replace("\n", " "), flush=True)


def pyjwt(token, key_set, issuer, audience):
    import jwt

    key = jwt.PyJWKSet.from_dict(key_set)[jwt.get_unverified_header(token)["kid"]]
    required = ["exp", "nbf", "iat", "iss", "aud", "sub", "jti"]
    return jwt.decode(
        token, key, algorithms=["RS256"], issuer=issuer, audience=audience, options={"require": required}
    )


def joserfc(token, key_set, issuer, audience):
    from joserfc import jwk, jwt

    verified = jwt.decode(token, jwk.KeySet.import_key_set(key_set), algorithms=["RS256"])
    essential = {name: {"essential": True} for name in ("exp", "nbf", "iat", "sub", "jti")}
    expected = {name: {"essential": True, "value": value} for name, value in [("iss", issuer), ("aud", audience)]}
    jwt.JWTClaimsRegistry(**essential, **expected).validate(verified.claims)
    return verified.claims


def python_jose(token, key_set, issuer, audience):
    from jose import backends, jwt
    from jose.backends.rsa_backend import RSAKey

    # The library's own arithmetic, so that not everything here ends in the same C library.
    backends.RSAKey = RSAKey
    options = {f"require_{name}": True for name in ("exp", "nbf", "iat", "iss", "aud", "sub", "jti")}
    return jwt.decode(token, key_set, algorithms=["RS256"], issuer=issuer, audience=audience, options=options)


def jwcrypto(token, key_set, issuer, audience):
    from jwcrypto import jwk, jwt

    expected = {"iss": issuer, "aud": audience, "exp": None, "nbf": None, "iat": None, "sub": None, "jti": None}
    keys = jwk.JWKSet.from_json(json.dumps(key_set))
    return json.loads(jwt.JWT(jwt=token, key=keys, algs=["RS256"], check_claims=expected).claims)


LIBRARIES = {"pyjwt": pyjwt, "joserfc": joserfc, "python-jose": python_jose, "jwcrypto": jwcrypto}

if __name__ == "__main__":
    main()
