//! Documents for tests.

use carnet_api::job::{CredentialRules, JobDocument, JobIdentity, JobVariable, RunDocument, WireSecret};

pub(crate) fn secret(text: &str) -> WireSecret {
    WireSecret(text.to_owned().into())
}

pub(crate) fn variable(key: &str, value: &str, category: &str) -> JobVariable {
    JobVariable {
        key: key.to_owned(),
        value: secret(value),
        category: category.to_owned(),
        hcl: false,
        sensitive: false,
        origin: "workspace \"net\"".to_owned(),
    }
}

pub(crate) fn document(phase: &str) -> JobDocument {
    let text = str::to_owned;
    JobDocument {
        job_id: text("job-1"),
        phase: text(phase),
        control_token: secret("control-token"),
        delivery_token: secret("delivery-token"),
        run_token: secret("run-token"),
        server_url: text("https://carnet.example.com"),
        identity: JobIdentity {
            organization_id: text("org-1"),
            organization_name: text("acme"),
            project_id: text("prj-1"),
            project_name: text("Default Project"),
            workspace_id: text("ws-1"),
            workspace_name: text("net"),
            run_id: text("run-1"),
            subject: text("organization:acme:project:Default Project:workspace:net:run_phase:plan"),
        },
        run: RunDocument {
            terraform_version: text("latest"),
            working_directory: String::new(),
            structured_output: false,
            plan_only: false,
            is_destroy: false,
            refresh: true,
            refresh_only: false,
            allow_config_generation: false,
            target_addrs: Vec::new(),
            replace_addrs: Vec::new(),
        },
        variables: Vec::new(),
        deadline_at: jiff::Timestamp::MAX,
        issuer_url: text("https://carnet.example.com"),
        credentials: CredentialRules { identity_token_ttl_seconds: 600, tolerates_static_credentials: false },
        adapters: Vec::new(),
        notices: Vec::new(),
        claimed_at: jiff::Timestamp::UNIX_EPOCH,
    }
}
