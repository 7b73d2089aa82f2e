//! Keeping what was read from Vault alive for as long as the phase may last.

use carnet_creds::{Credentials, RevocationOutcome};
use serde_json::Value;

use crate::{
    fake_secrets::Secret,
    fake_vault::{FakeVault, Role},
    http::Answer,
    world::{World, file},
};

const AWS: [(&str, &str); 3] = [
    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "iam_user"),
    ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
];
const ASSUMED_ROLE: [(&str, &str); 4] = [
    ("TFC_VAULT_BACKED_AWS_AUTH", "true"),
    ("TFC_VAULT_BACKED_AWS_AUTH_TYPE", "assumed_role"),
    ("TFC_VAULT_BACKED_AWS_RUN_VAULT_ROLE", "d"),
    ("TFC_VAULT_BACKED_AWS_RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
];
const AZURE: [(&str, &str); 2] =
    [("TFC_VAULT_BACKED_AZURE_AUTH", "true"), ("TFC_VAULT_BACKED_AZURE_RUN_VAULT_ROLE", "z")];
const START: i64 = 1_700_000_000;

/// A phase of at most two hours, and everything that happened in it.
struct Life {
    world: World,
    vault: FakeVault,
    credentials: Credentials,
    /// The names of the files that were replaced, with the second.
    files: Vec<(i64, String)>,
    notices: Vec<(i64, String)>,
}

impl Life {
    async fn start(role: Role, secrets: &[(&str, Secret)], family: &[(&str, &str)]) -> Self {
        let mut world = World::new();
        let vault = FakeVault::start(&world.clock).await;
        vault.role("own", role);
        secrets.iter().for_each(|(path, secret)| vault.secret(path, secret.clone()));
        let login = [
            ("TFC_VAULT_PROVIDER_AUTH", "true"),
            ("TFC_VAULT_ADDR", vault.address.as_str()),
            ("TFC_VAULT_RUN_ROLE", "own"),
        ];
        let credentials = world.obtain(&[&login[..], family].concat()).await.unwrap();
        Self { world, vault, credentials, files: Vec::new(), notices: Vec::new() }
    }

    fn second(&self) -> i64 {
        self.world.clock.now().as_second() - START
    }

    /// Does what is due until a second of the phase.
    async fn until(&mut self, second: i64) {
        while let Some(due) = self.due().filter(|due| *due <= second) {
            self.world.clock.advance((due - self.second()).max(0));
            self.refresh().await;
        }
        self.world.clock.advance(second - self.second());
    }

    /// The second of the phase in which something is due next; the clock knows whole ones only.
    fn due(&self) -> Option<i64> {
        let due = self.credentials.next_refresh_at()?;
        Some(due.as_second() - START + i64::from(due.subsec_nanosecond() > 0))
    }

    async fn refresh(&mut self) {
        let events = &mut self.world.events;
        let refreshed = self.credentials.refresh(&mut |event| events.push(event)).await;
        let second = self.second();
        self.files.extend(refreshed.files.into_iter().map(|file| (second, file.name)));
        let told = refreshed.notices.iter().map(|notice| format!("{} {notice}", notice.id()));
        self.notices.extend(told.map(|text| (second, text)));
    }

    /// What the credential process prints.
    fn printed(&self) -> Value {
        serde_json::from_str(&file(&self.credentials, "tfc-vault-backed-aws-process.json")).unwrap()
    }

    /// How many seconds the printed keys have left.
    fn printed_life(&self) -> i64 {
        let end: carnet_model::Timestamp = self.printed()["Expiration"].as_str().unwrap().parse().unwrap();
        end.as_second() - START - self.second()
    }

    fn count(&self, call: &str) -> usize {
        self.vault.calls().iter().filter(|made| made.starts_with(call)).count()
    }
}

#[tokio::test]
async fn a_lease_is_renewed_at_half_of_its_life() {
    let mut life = Life::start(Role::default(), &[("azure/creds/z", Secret::azure(1000))], &AZURE).await;
    life.until(499).await;
    assert_eq!(life.count("PUT /v1/sys/leases/renew"), 0);
    life.until(7100).await;
    assert_eq!(life.vault.living_leases(), [1], "the same credentials live for the whole phase");
    assert_eq!(life.count("GET "), 1);
    assert_eq!(life.count("PUT /v1/sys/leases/renew"), 13, "the last renewal reaches the end of the phase");
    assert!(life.files.is_empty() && life.notices.is_empty(), "{:?} {:?}", life.files, life.notices);
    assert_eq!(life.credentials.report()[1].renewals, 13);
}

#[tokio::test]
async fn a_lease_that_outlives_the_phase_is_left_alone() {
    let mut life = Life::start(Role::default(), &[("azure/creds/z", Secret::azure(7200))], &AZURE).await;
    life.until(7200).await;
    assert_eq!(life.count("PUT /v1/sys/leases/renew"), 0);
}

#[tokio::test]
async fn the_longest_life_of_a_lease_is_told_in_words_of_its_engine() {
    let secret = Secret { max_ttl: 1800, ..Secret::azure(1000) };
    let mut life = Life::start(Role::default(), &[("azure/creds/z", secret)], &AZURE).await;
    life.until(7100).await;
    assert_eq!(life.notices.len(), 1);
    assert_eq!(
        life.notices[0].1,
        "W12 Vault-backed Azure credentials end at 2023-11-14T22:43:20Z, before the phase limit 2023-11-15T00:13:20Z, \
         and cannot be extended; its consumer reads it once: raise the TTL that the Azure secrets engine gives, or \
         shorten the phase"
    );
    assert_eq!(life.count("GET "), 1);
}

#[tokio::test]
async fn keys_with_a_session_are_read_again_at_half_of_their_life() {
    let mut life = Life::start(Role::default(), &[("aws/sts/d", Secret::session())], &ASSUMED_ROLE).await;
    assert_eq!(
        file(&life.credentials, "tfc-vault-backed-aws-credentials"),
        "[default]\ncredential_process = /bin/cat /h/tfc-vault-backed-aws-process.json\n"
    );
    assert_eq!(life.printed()["SessionToken"], "session-1");
    assert_eq!(life.printed_life(), 3600);
    assert!(!life.world.warnings().contains(&"W12"), "the consumer asks again in time");
    life.until(1799).await;
    assert_eq!(life.count("GET "), 1);
    life.until(1800).await;
    assert_eq!(life.printed()["SessionToken"], "session-2");
    assert_eq!(life.printed_life(), 3600);
    assert_eq!(life.files, [(1800, "tfc-vault-backed-aws-process.json".to_owned())], "the first file stays");
    life.until(3600).await;
    assert_eq!(life.printed()["SessionToken"], "session-3");
    life.until(7199).await;
    assert_eq!(life.printed()["SessionToken"], "session-3", "these end with the phase");
    assert_eq!(life.credentials.report()[1].renewals, 2);
    assert!(life.notices.is_empty(), "{:?}", life.notices);
}

/// A consumer that keeps keys until their told end, and asks again then.
async fn check_consumer(role: Role, secret: Secret) -> Life {
    let mut life = Life::start(role, &[("aws/creds/d", secret)], &AWS).await;
    let (mut keys, mut end) = (0, 0);
    for second in (0..7200).step_by(10) {
        life.until(second).await;
        if end <= second {
            keys = life.printed()["AccessKeyId"].as_str().unwrap()["AKIA-".len()..].parse().unwrap();
            end = second + life.printed_life();
        }
        assert!(life.vault.living_leases().contains(&keys), "at {second} the consumer's keys do not work");
    }
    life
}

#[tokio::test]
async fn a_consumer_that_asks_at_the_told_end_never_has_keys_that_have_ended() {
    let limited = Secret { ttl: 900, max_ttl: 2000, ..Secret::default() };
    let renewable = Secret { ttl: 900, ..Secret::default() };
    let fixed = Secret { ttl: 1000, is_renewable: false, ..Secret::default() };
    for secret in [&limited, &renewable] {
        let life = check_consumer(Role::default(), secret.clone()).await;
        assert!(life.count("PUT ") >= 4 && life.notices.is_empty(), "{:?}", life.notices);
        let role = Role { max_ttl: 1500, ..Role::default() };
        let life = check_consumer(role, secret.clone()).await;
        assert!(
            life.notices.iter().all(|(_, text)| text.starts_with("W12 Vault credentials")),
            "{:?}",
            life.notices
        );
    }
    check_consumer(Role::default(), fixed.clone()).await;
    for secret in [limited, renewable, fixed, Secret::default()] {
        check_consumer(Role { is_batch: true, ..Role::default() }, secret).await;
    }
}

#[tokio::test]
async fn a_lease_that_is_gone_is_replaced_where_the_consumer_asks_again() {
    let secret = Secret { ttl: 900, ..Secret::default() };
    let mut life = Life::start(Role::default(), &[("aws/creds/d", secret)], &AWS).await;
    life.vault.answer_next(Answer::new(400, r#"{"errors":["lease not found"]}"#));
    life.until(451).await;
    assert!(
        life.notices[0].1.starts_with("W16 Vault-backed AWS: the lease will not be renewed"),
        "{:?}",
        life.notices
    );
    assert_eq!(life.printed()["AccessKeyId"], "AKIA-2");
}

#[tokio::test]
async fn a_new_login_reads_everything_again_and_all_is_revoked_in_the_end() {
    let secrets = [("aws/creds/d", Secret::default()), ("azure/creds/z", Secret::azure(7200))];
    let role = Role { max_ttl: 1500, ..Role::default() };
    let mut life = Life::start(role, &secrets, &[&AWS[..], &AZURE].concat()).await;
    assert!(file(&life.credentials, "tfc-vault-backed-aws-credentials").contains("AKIA-1"));
    // At 600 s the lease grows to 1500 s, at 1050 s it does not grow any more: half of the rest is left at 1275 s.
    life.until(1274).await;
    assert_eq!((life.vault.all_tokens().len(), life.count("GET ")), (1, 2));
    let told: Vec<&str> =
        life.notices.iter().map(|(_, text)| &text[..text.find(" end at").unwrap()]).collect();
    assert_eq!(
        told,
        ["W12 Vault credentials", "W12 Vault-backed AWS credentials", "W12 Vault-backed Azure credentials"]
    );
    assert!(life.notices[2].1.contains("they end with the Vault token that read them"), "{:?}", life.notices);

    life.until(1275).await;
    assert_eq!(file(&life.credentials, "tfc-vault-token"), "hvs.secret-2");
    assert!(file(&life.credentials, "tfc-vault-backed-aws-credentials").contains("AKIA-3"));
    assert_eq!(file(&life.credentials, "tfc-vault-backed-azure-client-secret"), "client-secret-4");
    let names: Vec<&str> = life.files.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "tfc-vault-token",
            "tfc-vault-backed-aws-credentials",
            "tfc-vault-backed-azure-client-id",
            "tfc-vault-backed-azure-client-secret",
        ]
    );
    assert_eq!(life.vault.living_tokens().len(), 2, "processes may still use the first");
    let handles = life.credentials.revocation_handles();
    let accessors: Vec<_> = handles.iter().map(|handle| handle.accessor().to_owned()).collect();
    assert_eq!(accessors, ["accessor-of-2", "accessor-of-1"]);

    let lines: Vec<String> = life.credentials.revoke().await.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "Vault: the token with accessor accessor-of-2 is revoked",
            "Vault: the token with accessor accessor-of-1 is revoked",
        ]
    );
    assert!(life.vault.living_tokens().is_empty() && life.vault.living_leases().is_empty());
    assert_eq!(life.credentials.next_refresh_at(), None);
}

#[tokio::test]
async fn logins_go_on_for_the_whole_phase() {
    let role = Role { max_ttl: 1500, ..Role::default() };
    let mut life = Life::start(role, &[("aws/creds/d", Secret::default())], &AWS).await;
    for second in (0..7200).step_by(100) {
        life.until(second).await;
        let token = file(&life.credentials, "tfc-vault-token");
        assert!(
            life.vault.living_tokens().contains(&token),
            "at {second} the token in the file does not work"
        );
    }
    let tokens = life.vault.all_tokens().len();
    assert!((5..=6).contains(&tokens), "{tokens} logins");
    let revocations = life.credentials.revoke().await;
    assert_eq!(revocations.len(), tokens, "each token is accounted for");
    assert!(revocations.iter().all(|one| !matches!(one.outcome, RevocationOutcome::Failed(_))));
    assert!(life.vault.living_tokens().is_empty());
}

#[tokio::test]
async fn a_batch_token_is_replaced_at_half_of_its_life_and_keys_end_with_it() {
    let role = Role { is_batch: true, ..Role::default() };
    let mut life = Life::start(role, &[("aws/creds/d", Secret::default())], &AWS).await;
    assert_eq!(life.printed_life(), 1200, "keys under a lease of a month end with the token");
    life.until(600).await;
    assert_eq!(file(&life.credentials, "tfc-vault-token"), "hvb.secret-2");
    assert_eq!(life.printed()["AccessKeyId"], "AKIA-2");
    assert_eq!(life.printed_life(), 1200);
    assert_eq!(life.count("GET "), 2, "not once for the login and once for the keys");
    let revocations = life.credentials.revoke().await;
    assert_eq!(revocations.len(), 2);
    let ends_by_itself =
        |outcome: &RevocationOutcome| matches!(outcome, RevocationOutcome::EndsByItself(Some(_)));
    assert!(revocations.iter().all(|one| ends_by_itself(&one.outcome)));
}

#[tokio::test]
async fn a_refused_login_is_told_once_and_not_tried_again() {
    let role = Role { max_ttl: 1500, ..Role::default() };
    let mut life = Life::start(role, &[], &[]).await;
    life.vault.remove_role("own");
    life.until(7200).await;
    assert_eq!(life.count("POST /v1/auth/jwt/login"), 2);
    let told: Vec<&(i64, String)> = life.notices.iter().filter(|(_, text)| text.starts_with("W16")).collect();
    assert_eq!(told.len(), 1, "{:?}", life.notices);
    let text = "W16 Vault: a new login failed; the token ends at 2023-11-14T22:38:20Z: failed authenticating to Vault";
    assert!(told[0].0 == 1275 && told[0].1.starts_with(text), "{told:?}");
    assert_eq!(life.credentials.next_refresh_at(), None);
}

#[tokio::test]
async fn a_login_that_gets_no_answer_is_tried_again_and_told_when_time_runs_short() {
    let role = Role { is_batch: true, ..Role::default() };
    let mut life = Life::start(role, &[], &[]).await;
    let sealed = || Answer::new(503, r#"{"errors":["Vault is sealed"]}"#);
    while life.notices.is_empty() {
        // One attempt of ours is four requests.
        (0..4).for_each(|_| life.vault.answer_next(sealed()));
        life.until(life.due().unwrap()).await;
    }
    let (second, text) = &life.notices[0];
    assert!((960..1200).contains(second) && text.contains("a new login failed"), "{second} {text}");
    life.until(second + 60).await;
    let token = file(&life.credentials, "tfc-vault-token");
    assert!(token != "hvb.secret-1" && life.vault.living_tokens().contains(&token), "{token}");
    assert_eq!(life.notices.len(), 1);
}

#[tokio::test]
async fn keys_that_cannot_be_read_again_are_told_once_and_the_old_ones_stay() {
    let mut life = Life::start(Role::default(), &[("aws/sts/d", Secret::session())], &ASSUMED_ROLE).await;
    life.vault.deny("aws/sts/d");
    life.until(7199).await;
    assert_eq!(life.count("GET "), 2);
    assert_eq!(life.notices.len(), 1);
    let text = "W16 Vault-backed AWS: new credentials could not be read; the old ones end at 2023-11-14T23:13:20Z: failed \
                reading Vault-backed AWS credentials from Vault path aws/sts/d?role_arn=";
    assert!(life.notices[0].1.starts_with(text), "{:?}", life.notices);
    assert_eq!(life.printed()["SessionToken"], "session-1");
    assert_eq!(life.vault.living_tokens().len(), 1, "the token is still renewed");
}
