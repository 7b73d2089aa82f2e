//! Roles of the JWT method, judged by OpenBao.

use carnet_tests::{CertificateAuthority, OpenBao};
use carnet_trust::check::{Claims, Family, Question, Trust, judge};
use futures_util::{StreamExt as _, stream};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use rcgen::KeyPair;
use serde_json::{Map, Value, json};

use super::chance::Chance;

const PAIRS: usize = 300;
const SEED: u64 = 0x000c_a121_e700_0005;
const ISSUER: &str = "https://carnet.example.com";
const SUBJECTS: [&str; 5] = [
    "organization:acme:project:Default Project:workspace:net:run_phase:plan",
    "organization:acme:project:Default Project:workspace:net:run_phase:apply",
    "organization:acme:project:Default Project:workspace:net-prod:run_phase:plan",
    "organization:Acme:project:Default Project:workspace:net:run_phase:plan",
    "",
];
const PATTERNS: [&str; 9] = [
    "organization:acme:*",
    "organization:acme:project:*:workspace:net:run_phase:plan",
    "organization:acme:project:Default Project:workspace:net*",
    "organization:acme:project:Default Project:workspace:net:*",
    "*:run_phase:plan",
    "*",
    "organization:ac?e:*",
    "organization:acme**plan",
    "*net*plan*",
];

/// One random token: its claims.
fn claims(chance: &mut Chance, now: i64) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut add = |name: &str, value: Value| {
        claims.insert(name.to_owned(), value);
    };
    if !chance.once_in(15) {
        add(
            "iss",
            json!(chance.one(&[
                ISSUER,
                ISSUER,
                ISSUER,
                ISSUER,
                ISSUER,
                "https://carnet.example.com/",
                "https://other.example.com"
            ])),
        );
    }
    if !chance.once_in(15) {
        let subject = if chance.once_in(2) { SUBJECTS[0] } else { chance.one(&SUBJECTS) };
        add("sub", json!(subject));
    }
    match chance.below(12) {
        0 => {}
        1 => add("aud", json!(["a", "b"])),
        2 => add("aud", json!([])),
        3 => add("aud", json!("b")),
        4 => add("aud", json!(["c"])),
        _ => add("aud", json!("a")),
    }
    // Far enough from every leeway that the time between the two verdicts does not matter.
    for (name, usual, others) in [
        ("exp", 600, [-30, -3000, -100, 400_000]),
        ("iat", 0, [30, 3000, -3000, 200]),
        ("nbf", -30, [30, 3000, -3000, 100]),
    ] {
        if chance.once_in(9) {
            continue;
        }
        let offset = if chance.once_in(8) { chance.one(&others) } else { usual };
        add(name, json!(now + offset));
    }
    add(
        "terraform_workspace_id",
        chance.one(&[json!("ws-1"), json!("ws-1"), json!("ws-1"), json!("ws-2"), json!(7)]),
    );
    let groups = [
        json!(["one", "two"]),
        json!("one"),
        json!(["one", 3]),
        json!([3, true]),
        json!({"deep": ["one"]}),
        json!(null),
    ];
    add("groups", chance.one(&groups));
    add("number", chance.one(&[json!(5), json!(5.7), json!(-5), json!("5"), json!(true)]));
    add("flag", chance.one(&[json!(true), json!(false), json!("true")]));
    add("nested", json!({"team": chance.one(&["net", "dns"]), "list": ["x", "y"], "a/b": "slash"}));
    claims
}

/// One random role.
fn role(chance: &mut Chance) -> Value {
    let mut role = json!({ "user_claim": "terraform_workspace_id" });
    if !chance.once_in(25) {
        role["role_type"] = json!("jwt");
    }
    let is_glob = chance.once_in(2);
    if is_glob || chance.once_in(2) {
        role["bound_claims_type"] = json!(if is_glob { "glob" } else { "string" });
    }
    if !chance.once_in(8) {
        role["bound_audiences"] =
            chance.one(&[json!(["a"]), json!(["a"]), json!("a"), json!(["b", "a"]), json!(["A"]), json!([])]);
    }
    if chance.once_in(7) {
        role["bound_subject"] = json!(chance.one(&[SUBJECTS[0], SUBJECTS[0], SUBJECTS[1], PATTERNS[0]]));
    }
    let mut bound = Map::new();
    if !chance.once_in(4) {
        let usual = if is_glob { PATTERNS[3] } else { SUBJECTS[0] };
        let one = match chance.below(6) {
            0 => json!(chance.one(&PATTERNS)),
            1 => json!(chance.one(&SUBJECTS[..4])),
            2 => json!([chance.one(&SUBJECTS[..4]), chance.one(&PATTERNS)]),
            _ => json!(usual),
        };
        bound.insert("sub".to_owned(), one);
    }
    let others: [(&str, &[Value]); 10] = [
        ("groups", &[json!("one"), json!(["two", "three"]), json!("on*"), json!([3])]),
        ("number", &[json!(5), json!("5"), json!(5.0), json!([5, 6]), json!("*")]),
        ("flag", &[json!(true), json!("true"), json!("tr*")]),
        ("/nested/team", &[json!("net"), json!(["dns", "net"]), json!("n*")]),
        ("/nested/list", &[json!("x"), json!(["z"])]),
        ("/nested/list/1", &[json!("y")]),
        ("/nested/a~1b", &[json!("slash")]),
        ("/nested", &[json!("net")]),
        ("nested", &[json!("net")]),
        ("absent", &[json!("x"), json!("*")]),
    ];
    if chance.once_in(3) {
        let (name, values) = chance.one(&others);
        bound.insert(name.to_owned(), chance.one(values));
    }
    if !bound.is_empty() {
        role["bound_claims"] = Value::Object(bound);
    }
    add_rarer(chance, &mut role);
    role
}

/// What few roles have.
fn add_rarer(chance: &mut Chance, role: &mut Value) {
    if chance.once_in(6) {
        role["user_claim"] = json!(chance.one(&["sub", "absent", "number", "/nested/team"]));
        role["user_claim_json_pointer"] = json!(chance.once_in(2));
    }
    if chance.once_in(6) {
        role["groups_claim"] = json!(chance.one(&["groups", "absent", "/nested/list", "flag"]));
    }
    if chance.once_in(6) {
        role["claim_mappings"] = chance.one(&[
            json!({"sub": "subject"}),
            json!({"number": "n"}),
            json!({"absent": "x", "/nested/team": "t"}),
        ]);
    }
    for name in ["clock_skew_leeway", "expiration_leeway", "not_before_leeway"] {
        if chance.once_in(6) {
            role[name] = json!(chance.one(&[-1, 1000, 4000]));
        }
    }
}

/// What would be accepted, with one random thing taken over: most pairs fail for one reason only.
fn mild(chance: &mut Chance, sound: Value, random: &Map<String, Value>) -> Map<String, Value> {
    let mut mild = sound.as_object().cloned().unwrap_or_default();
    let names: Vec<&String> = random.keys().collect();
    let name = chance.one(&names);
    mild.insert(name.clone(), random[name].clone());
    mild
}

fn pair(chance: &mut Chance, now: i64) -> Pair {
    let mut claims = claims(chance, now);
    let mut role = role(chance);
    if !chance.once_in(4) {
        let sound = json!({"iss": ISSUER, "sub": SUBJECTS[0], "aud": "a", "iat": now, "nbf": now - 30, "exp": now + 600,
            "terraform_workspace_id": "ws-1", "groups": ["one", "two"], "number": 5, "flag": true,
            "nested": {"team": "net", "list": ["x", "y"], "a/b": "slash"}});
        claims = mild(chance, sound, &claims);
    }
    if !chance.once_in(4) {
        let is_glob = chance.once_in(2);
        let bound = if is_glob { chance.one(&PATTERNS) } else { SUBJECTS[0] };
        let sound = json!({"role_type": "jwt", "user_claim": "terraform_workspace_id", "bound_audiences": ["a"],
            "bound_claims_type": if is_glob { "glob" } else { "string" }, "bound_claims": {"sub": bound}});
        role = Value::Object(mild(chance, sound, role.as_object().unwrap_or(&Map::new())));
    }
    let mount = chance.one(&["bound", "bound", "open"]);
    Pair { role, claims, mount, real: false, reason: String::new() }
}

/// A pair, and what both say of it.
struct Pair {
    role: Value,
    claims: Map<String, Value>,
    mount: &'static str,
    real: bool,
    reason: String,
}

/// What OpenBao says: a role that it does not take refuses, too.
async fn asked(bao: &OpenBao, key: &EncodingKey, index: usize, pair: Pair) -> anyhow::Result<Pair> {
    let name = format!("role-{index}");
    let path = format!("auth/{}/role/{name}", pair.mount);
    let written = bao.request("POST", &path, Some(bao.root_token()), Some(&pair.role)).await?;
    if written.status >= 300 {
        return Ok(Pair { real: false, reason: format!("not written: {}", written.body), ..pair });
    }
    let token = encode(&Header::new(Algorithm::ES256), &pair.claims, key)?;
    let answer = bao.login(pair.mount, &name, &token).await?;
    Ok(Pair { real: answer.status == 200, reason: answer.body["errors"].to_string(), ..pair })
}

fn config(mount: &str) -> Value {
    json!({ "bound_issuer": if mount == "bound" { ISSUER } else { "" } })
}

/// Which of the words of a refusal name what the judgement found.
fn is_same_cause(reason: &str, at: &str) -> bool {
    let words: &[&str] = match at {
        "bound_audiences" => &["(aud)", "no audiences bound"],
        "bound_subject" => &["(sub)"],
        "exp" => &["(exp)", "no issued at"],
        "nbf" | "iat" => &["(nbf)", "(iat)"],
        "user_claim" | "groups_claim" => {
            &["not found in token", "could not be converted", "could not be parsed"]
        }
        at if at.starts_with("bound_issuer") => &["(iss)"],
        at if at.starts_with("claim_mappings") => &["error converting claim"],
        at if at.starts_with("bound_claims.") => &["error validating claims", "not written"],
        _ => &["not written", "role_type"],
    };
    words.iter().any(|word| reason.contains(word))
}

#[tokio::test]
async fn openbao_and_the_evaluator_agree_on_random_roles() -> anyhow::Result<()> {
    let mut chance = Chance::new(SEED);
    let ca = CertificateAuthority::new()?;
    let bao = OpenBao::start(&ca).await?;
    let key = KeyPair::generate()?;
    for mount in ["bound", "open"] {
        bao.admin("POST", &format!("sys/auth/{mount}"), json!({"type": "jwt"})).await?;
        let mut body = config(mount);
        body["jwt_validation_pubkeys"] = json!([key.public_key_pem()]);
        bao.admin("POST", &format!("auth/{mount}/config"), body).await?;
    }
    let signing = EncodingKey::from_ec_der(&key.serialize_der());
    let now = i64::try_from(get_current_timestamp())?;
    let pairs: Vec<Pair> = (0..PAIRS).map(|_| pair(&mut chance, now)).collect();
    let asked: Vec<anyhow::Result<Pair>> = stream::iter(pairs.into_iter().enumerate())
        .map(|(index, pair)| asked(&bao, &signing, index, pair))
        .buffered(8)
        .collect()
        .await;

    let (mut accepted, mut same_cause, mut disagreements) = (0, 0, Vec::new());
    for pair in asked {
        let pair = pair?;
        let trust = Trust { policy: pair.role.clone(), beside: Some(config(pair.mount)), role: None };
        let claims = Claims::new(pair.claims.clone());
        let judgement = judge(Family::Vault, &Question { claims, trust, now: Some(now) });
        accepted += usize::from(pair.real);
        if judgement.is_accepted() != pair.real {
            disagreements.push(format!(
                "{} {:?}\n  {:?}\n  {}",
                pair.role, pair.claims, judgement.findings, pair.reason
            ));
        }
        let first = judgement.first().map(|first| first.at.as_str());
        let is_same = first.is_some_and(|at| is_same_cause(&pair.reason, at));
        same_cause += usize::from(is_same);
        if let (false, Some(at)) = (is_same, first) {
            println!("  another cause first: {at}: {}", pair.reason);
        }
    }
    let refused = PAIRS - accepted;
    println!(
        "OpenBao: {PAIRS} pairs, {accepted} accepted, {refused} refused, {} disagreements",
        disagreements.len()
    );
    println!("the same condition fails first in {same_cause} of {refused} refusals");
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    assert!(accepted > PAIRS / 6 && refused > PAIRS / 6, "{accepted} accepted, {refused} refused");
    assert!(same_cause * 100 >= refused * 95, "the first cause is the same in {same_cause} of {refused}");
    Ok(())
}
