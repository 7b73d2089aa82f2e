//! The ledger as an auditor uses it: exported, verified without a server and without Carnet, and joined to the log of a relying
//! party.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, ensure};
use carnet_tests::{ServerOptions, wait_for};
use serde_json::{Value, json};

use crate::site::{ORGANIZATION, Site, id, script, status};

const LEDGER: &str = "/api/carnet/v1/organizations/acme/ledger";

/// A run that has read a secret from OpenBao, and the ledger about it, covered by a checkpoint.
struct Audit {
    site: Site,
    run: String,
    folder: tempfile::TempDir,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Audit {
    async fn new() -> anyhow::Result<Self> {
        let arguments = ["--checkpoint-after", "1s"].map(str::to_owned).to_vec();
        let site = Site::start_with(ServerOptions { arguments, ..Default::default() }).await?;
        let workspace = site.trusted("net").await?;
        let run = site.api.run_to_end(&workspace, &script("reader", &site.read_secret())).await?;
        ensure!(status(&run) == "applied", "{run}");
        wait_for("a checkpoint of all entries", Duration::from_secs(60), async || {
            let head = site.api.get(LEDGER).await?["head"].clone();
            Ok((head["sequence"] == head["checkpoint_sequence"]).then_some(()))
        })
        .await?;
        Ok(Self { run: id(&run).to_owned(), site, folder: tempfile::tempdir()? })
    }

    async fn ledger(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        self.site.server.command(&[&["ledger"], arguments].concat()).await
    }

    /// The same of the organization's ledger on the server.
    async fn remote(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let url = self.site.server.url();
        let place = ["--server", &url, "--organization", ORGANIZATION];
        self.ledger(&[arguments, &place].concat()).await
    }

    /// Waits until checkpoints cover every entry of every chain of the data directory.
    async fn wait_for_all_checkpoints(&self, data: &str) -> anyhow::Result<()> {
        wait_for("checkpoints of all chains", Duration::from_secs(60), async || {
            let verified = self.ledger(&["verify", "--data", data, "--format", "json"]).await?;
            ensure!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
            let found: Value = serde_json::from_slice(&verified.stdout)?;
            let chains = found["chains"].as_array().context("a list")?;
            ensure!(chains.len() == 2, "of the organization and of the site: {found}");
            Ok(chains.iter().all(|chain| chain["covered"] == chain["last"]).then_some(()))
        })
        .await
    }

    async fn export(&self) -> anyhow::Result<PathBuf> {
        let exported = self.remote(&["export"]).await?;
        ensure!(exported.status.success(), "{}", text(&exported.stderr));
        let file = self.folder.path().join("acme.jsonl");
        std::fs::write(&file, exported.stdout)?;
        Ok(file)
    }

    fn written(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let file = self.folder.path().join(name);
        std::fs::write(&file, content)?;
        Ok(file)
    }
}

/// The lines of an export that are entries.
fn entries(file: &Path) -> anyhow::Result<Vec<Value>> {
    let lines = std::fs::read_to_string(file)?;
    let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok(lines.into_iter().map(|mut line| line["entry"].take()).filter(|entry| !entry.is_null()).collect())
}

fn path(file: &Path) -> &str {
    file.to_str().expect("temporary files have names of ASCII")
}

/// The verifier of the documentation, as a file.
fn documented_verifier(audit: &Audit) -> anyhow::Result<PathBuf> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ledger.md"))?;
    let (_, rest) = page.split_once("```python\n").context("docs/ledger.md has no program")?;
    let (program, _) = rest.split_once("```").context("the program has no end")?;
    audit.written("verify.py", program)
}

async fn python(program: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(tokio::process::Command::new("python3").arg("-B").arg(program).args(arguments).output().await?)
}

#[tokio::test]
async fn a_run_is_proven_offline_with_carnet_and_without() -> anyhow::Result<()> {
    let audit = Audit::new().await?;
    let file = audit.export().await?;
    let of_run: Vec<Value> =
        entries(&file)?.into_iter().filter(|entry| entry["run"] == json!(audit.run)).collect();
    let told: Vec<String> =
        of_run.iter().map(|one| format!("{} {}", one["kind"], one["phase"]).replace('"', "")).collect();
    let phase = |phase: &str| ["mint", "exchange", "revocation"].map(|kind| format!("{kind} {phase}"));
    assert_eq!(told, [phase("plan"), phase("apply")].concat());
    for entry in &of_run {
        assert!(entry["actor_name"].is_string() && entry["jti"].is_string(), "{entry}");
    }
    assert_eq!(of_run[1]["role"], format!("carnet-{ORGANIZATION}-net-plan"));
    assert_eq!((&of_run[5]["outcome"], &of_run[5]["approver"]), (&json!("revoked"), &json!("auto-apply")));

    let verified = audit.ledger(&["verify", path(&file)]).await?;
    let said = text(&verified.stdout);
    assert!(verified.status.success(), "{said}{}", text(&verified.stderr));
    assert!(said.contains("each as it was written") && said.contains("signed checkpoints cover"), "{said}");

    let keys = audit.site.server.anonymous()?.request("GET", "/.well-known/jwks", None).await?.success()?;
    let keys = audit.written("keys.json", &keys.to_string())?;
    let verified = audit.ledger(&["verify", path(&file), "--keys", path(&keys)]).await?;
    assert!(verified.status.success(), "{}", text(&verified.stderr));

    let program = documented_verifier(&audit)?;
    let verified = python(&program, &[path(&file)]).await?;
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    let lines = std::fs::read_to_string(&file)?;
    let changes = [
        lines.replacen("\"kind\":\"mint\"", "\"kind\":\"renewal\"", 1),
        lines.lines().skip(1).map(|line| format!("{line}\n")).collect(),
        lines
            .lines()
            .filter(|line| !line.contains("\"revocation\""))
            .map(|line| format!("{line}\n"))
            .collect(),
    ];
    for changed in changes {
        let file = audit.written("changed.jsonl", &changed)?;
        let refused = audit.ledger(&["verify", path(&file)]).await?;
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
        assert!(
            text(&refused.stdout).contains("NOT WHAT WAS WRITTEN\n  entry "),
            "{}",
            text(&refused.stdout)
        );
        assert_eq!(python(&program, &[path(&file)]).await?.status.code(), Some(1));
    }
    assert_eq!(audit.ledger(&["verify", "--nonsense"]).await?.status.code(), Some(2));

    let exported = audit.remote(&["export", "--format", "audit-trail"]).await?;
    let first: Value = serde_json::from_str(text(&exported.stdout).lines().next().context("a line")?)?;
    assert_eq!((&first["version"], &first["type"]), (&json!("0"), &json!("Resource")));
    Ok(())
}

/// What somebody does who has the file of the database: a chain is written anew with good hashes, and then more and more of what
/// could tell is taken away.
const REWRITE: &str = r#"
import hashlib, json, sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'ledger%'").fetchall():
    database.execute(f"DROP TRIGGER {name}")
(chain,) = database.execute("SELECT chain FROM ledger_heads WHERE chain <> 'site'").fetchone()
if "rewrite" in sys.argv:
    rows = database.execute("SELECT entry FROM ledger_entries WHERE chain = ? ORDER BY sequence", (chain,)).fetchall()
    entries = [json.loads(entry) for (entry,) in rows]
    times = [at for (at,) in database.execute("SELECT recorded_at FROM ledger_entries WHERE chain = ? ORDER BY sequence", (chain,))]
    del entries[2], times[2]
    database.execute("DELETE FROM ledger_entries WHERE chain = ?", (chain,))
    hash = hashlib.sha256(f"carnet-ledger/1:{chain}".encode()).digest()
    for place, (entry, at) in enumerate(zip(entries, times), 1):
        entry["sequence"] = place
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        hash = hashlib.sha256(hash + text.encode()).digest()
        database.execute("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?)", (chain, place, at, text, hash.hex()))
    database.execute("DELETE FROM ledger_checkpoints WHERE chain = ?", (chain,))
    database.execute("UPDATE ledger_heads SET sequence = ?, hash = ?, checkpoint_sequence = 0, open_since = 0 WHERE chain = ?",
                     (len(entries), hash.hex(), chain))
if "head" in sys.argv:
    database.execute("DELETE FROM ledger_heads WHERE chain = ?", (chain,))
if "chain" in sys.argv:
    for table in ["entries", "heads", "checkpoints", "seals"]:
        database.execute(f"DELETE FROM ledger_{table} WHERE chain = ?", (chain,))
database.execute("COMMIT")
"#;

#[tokio::test]
async fn the_server_signs_no_history_that_somebody_wrote_anew() -> anyhow::Result<()> {
    for deed in ["rewrite", "head", "chain"] {
        let audit = Audit::new().await?;
        let data = audit.site.server.data_dir().display().to_string();
        let database = Path::new(&data).join("carnet.db");
        if !database.is_file() {
            // On Postgres, the same is done in the tests of the server.
            return Ok(());
        }
        audit.wait_for_all_checkpoints(&data).await?;
        let chain = audit.site.api.get(LEDGER).await?["chain"].as_str().context("a chain")?.to_owned();
        let kept = audit.site.api.get(&format!("{LEDGER}/checkpoints")).await?;
        let kept = audit.written("checkpoints.json", &kept.to_string())?;
        let with_kept = ["verify", "--data", &data, "--checkpoint", path(&kept)];
        let verified = audit.ledger(&with_kept).await?;
        assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
        let program = audit.written("rewrite.py", REWRITE)?;
        let done = python(&program, &[path(&database), deed]).await?;
        assert!(done.status.success(), "{}", text(&done.stderr));
        if deed == "rewrite" {
            wait_for("the alarm", Duration::from_secs(60), async || {
                let ready = audit.site.server.anonymous()?.request("GET", "/readyz", None).await?;
                Ok(ready.body.to_string().contains("the ledger is not what was signed").then_some(()))
            })
            .await?;
        }
        for arguments in [&with_kept[..3], &with_kept] {
            let refused = audit.ledger(arguments).await?;
            let said = text(&refused.stdout);
            assert_eq!(refused.status.code(), Some(1), "{deed}: {said}{}", text(&refused.stderr));
            assert!(said.contains(&format!("{chain}: NOT WHAT WAS WRITTEN")), "{deed}: {said}");
        }
        let nobody = audit.ledger(&["verify", "--data", &data, "--chain", "org-0000000000000000"]).await?;
        assert_eq!(nobody.status.code(), Some(1), "{}", text(&nobody.stdout));
    }
    Ok(())
}

#[tokio::test]
async fn whoever_writes_to_the_database_is_found_out() -> anyhow::Result<()> {
    let audit = Audit::new().await?;
    let data = audit.site.server.data_dir().display().to_string();
    audit.wait_for_all_checkpoints(&data).await?;
    let database = Path::new(&data).join("carnet.db");
    if !database.is_file() {
        // On Postgres, the same is done to a file above.
        return Ok(());
    }
    let program = audit.written(
        "alter.py",
        "import sqlite3, sys\n\
         database = sqlite3.connect(sys.argv[1])\n\
         database.execute('DROP TRIGGER ledger_entries_do_not_change')\n\
         place = database.execute(\"SELECT sequence FROM ledger_entries WHERE entry LIKE '%\\\"kind\\\":\\\"exchange\\\"%'\").fetchone()[0]\n\
         database.execute(\"UPDATE ledger_entries SET entry = REPLACE(entry, '-net-plan', '-net-else') WHERE sequence = ? \"\n\
         \"AND chain <> 'site'\", (place,))\n\
         database.commit()\n\
         print(place)\n",
    )?;
    let altered = python(&program, &[path(&database)]).await?;
    assert!(altered.status.success(), "{}", text(&altered.stderr));
    let place = text(&altered.stdout).trim().to_owned();
    for refused in [audit.ledger(&["verify", "--data", &data]).await?, audit.remote(&["verify"]).await?] {
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
        let said = text(&refused.stdout);
        assert!(said.contains(&format!("entry {place}: its hash does not follow")), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn lines_of_an_audit_device_lead_to_the_run_and_its_person() -> anyhow::Result<()> {
    let audit = Audit::new().await?;
    let (log, file) = (audit.site.bao.audit_file(), audit.export().await?);
    let matched =
        audit.ledger(&["match", path(&log), "--ledger", path(&file), "--strict", "--format", "json"]).await?;
    assert!(matched.status.success(), "{}{}", text(&matched.stdout), text(&matched.stderr));
    let found: Value = serde_json::from_slice(&matched.stdout)?;
    let accesses = found["accesses"].as_array().context("a list")?;
    let logins: Vec<&Value> = accesses.iter().filter(|one| one["login"] == true).collect();
    assert_eq!(logins.len(), 2, "{found}");
    for access in accesses {
        assert_eq!(access["explanation"]["sureness"], "certain", "{access}");
        assert_eq!(access["explanation"]["facts"]["run"], json!(audit.run));
    }
    let is_read = |one: &&Value| one["what"] == "read secret/data/app";
    assert!(accesses.iter().any(|one| is_read(&one)), "{found}");

    // A ledger that knows nothing of the apply does not explain what the apply did.
    let lines = std::fs::read_to_string(&file)?;
    let kept: Vec<&str> = lines.lines().filter(|line| !line.contains("\"phase\":\"apply\"")).collect();
    let file = audit.written("plan.jsonl", &kept.join("\n"))?;
    let matched = audit.ledger(&["match", path(&log), "--ledger", path(&file), "--strict"]).await?;
    assert_eq!(matched.status.code(), Some(1));
    assert!(text(&matched.stdout).contains("NO RUN EXPLAINS THIS"), "{}", text(&matched.stdout));
    Ok(())
}

#[tokio::test]
async fn a_checkpoint_opens_no_door() -> anyhow::Result<()> {
    let audit = Audit::new().await?;
    let bao = &audit.site.bao;
    let given = audit.site.api.get(&format!("{LEDGER}/checkpoints")).await?;
    let jws = given["checkpoints"][0]["jws"].as_str().context("a checkpoint")?;
    // A role that asks for as little as a role can.
    let role = json!({ "role_type": "jwt", "user_claim": "chain", "bound_claims": { "issuer": audit.site.server.url() } });
    bao.admin("POST", "auth/jwt/role/lax", role).await?;
    for role in ["lax", "carnet-acme-net-plan"] {
        let answer = bao.login("jwt", role, jws).await?;
        assert_eq!(answer.status, 400, "{role}: {}", answer.body);
    }
    Ok(())
}
