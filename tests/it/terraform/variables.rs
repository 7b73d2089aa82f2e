//! Where values come from, and which of them wins.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::world::{Desk, ORGANIZATION, World};

/// Each variable is set in its own place and in every weaker one.
const PRECEDENCE: &str = r#"
variable "from_default" { default = "default" }
variable "from_file" { default = "default" }
variable "from_auto_file" { default = "default" }
variable "from_workspace" { default = "default" }
variable "from_environment" { default = "default" }
variable "from_variable_file" { default = "default" }
variable "from_option" { default = "default" }
variable "workspace_environment" { default = "default" }

output "a_default" { value = var.from_default }
output "b_file" { value = var.from_file }
output "c_auto_file" { value = var.from_auto_file }
output "d_workspace" { value = var.from_workspace }
output "e_environment" { value = var.from_environment }
output "f_variable_file" { value = var.from_variable_file }
output "g_option" { value = var.from_option }
output "h_workspace_environment" { value = var.workspace_environment }
"#;

const KINDS: &str = r#"
variable "ranges" { type = map(list(string)) }
variable "note" {}
variable "password" { sensitive = true }
variable "pin" {}

resource "terraform_data" "network" {
  input            = { ranges = var.ranges, note = var.note }
  triggers_replace = [var.password, var.pin]

  provisioner "local-exec" {
    command = "echo greeting: $GREETING; echo secret: $SECRET; echo inherited: [$CARNET_BOOTSTRAP_TOKEN]"
  }
}

output "password" {
  value     = var.password
  sensitive = true
}
"#;

/// The levels that a person can set apart from each other, by their numbers in the documented table.
const LEVELS: [usize; 12] = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13];

/// The value that the command line gives.
const OPTION: usize = 6;

/// The value of the workspace.
const WORKSPACE: usize = 8;

#[tokio::test]
async fn the_nearest_value_wins() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let mut desk = world.initialized("network", PRECEDENCE).await?;
    let id = desk.workspace_id().await?;
    // The CLI sends a value from its own environment unless a file of the directory has one, too.
    let names = ["option", "variable_file", "workspace", "auto_file", "file"];
    let set = |place: &str| -> String {
        let position = names.iter().position(|name| *name == place).unwrap_or_default();
        names[..=position]
            .iter()
            .map(|name| {
                let place = place.replace('_', " ");
                format!("from_{name} = \"{place}\"\n")
            })
            .collect()
    };
    desk.cli.write("terraform.tfvars", &set("file"))?;
    desk.cli.write("zzzzzz.auto.tfvars", &set("auto_file"))?;
    desk.cli.write("more.tfvars.txt", &set("variable_file"))?;
    for name in ["option", "variable_file", "environment", "workspace"] {
        let attributes =
            json!({"key": format!("from_{name}"), "value": "workspace", "category": "terraform"});
        desk.api.create_variable(&id, attributes).await?;
    }
    let attributes =
        json!({"key": "TF_VAR_workspace_environment", "value": "workspace environment", "category": "env"});
    desk.api.create_variable(&id, attributes).await?;
    for name in ["option", "variable_file", "environment"] {
        desk.cli = desk.cli.with_environment(&format!("TF_VAR_from_{name}"), "environment");
    }
    let arguments = ["plan", "-var-file=more.tfvars.txt", "-var=from_option=option"];
    assert_snapshot!(desk.shows(&arguments).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)

    Changes to Outputs:
      + a_default               = "default"
      + b_file                  = "file"
      + c_auto_file             = "auto file"
      + d_workspace             = "workspace"
      + e_environment           = "environment"
      + f_variable_file         = "variable file"
      + g_option                = "option"
      + h_workspace_environment = "workspace environment"

    You can apply this plan to save these new output values to the Terraform
    state, without changing any real infrastructure.

    (the plan is not saved)
    "#);
    Ok(())
}

#[tokio::test]
async fn workspace_variables_of_every_kind_reach_the_run() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", KINDS).await?;
    let id = desk.workspace_id().await?;
    for attributes in [
        json!({"key": "ranges", "value": "{ dev = [\"10.0.0.0/16\"] }", "category": "terraform", "hcl": true}),
        json!({"key": "note", "value": "not \"${code}\"\nbut text", "category": "terraform"}),
        json!({"key": "password", "value": "open sesame", "category": "terraform", "sensitive": true}),
        json!({"key": "pin", "value": "4711-0815-1234", "category": "terraform", "sensitive": true}),
        json!({"key": "GREETING", "value": "hello world", "category": "env"}),
        json!({"key": "SECRET", "value": "correct horse battery", "category": "env", "sensitive": true}),
    ] {
        desk.api.create_variable(&id, attributes).await?;
    }
    let shown = desk.shows(&["apply", "-auto-approve"]).await?;
    for secret in ["open sesame", "4711-0815-1234", "correct horse battery"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_snapshot!(shown, @r#"
    exit code 0
    ----- stdout
    (a remote apply starts)

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      + create

    Terraform will perform the following actions:

      # terraform_data.network will be created
      + resource "terraform_data" "network" {
          + id               = (known after apply)
          + input            = {
              + note   = <<-EOT
                    not "${code}"
                    but text
                EOT
              + ranges = {
                  + dev = [
                      + "10.0.0.0/16",
                    ]
                }
            }
          + output           = (known after apply)
          + triggers_replace = [
              + (sensitive value),
              + "[redacted]",
            ]
        }

    Plan: 1 to add, 0 to change, 0 to destroy.

    Changes to Outputs:
      + password = (sensitive value)

    terraform_data.network: Creating...
    terraform_data.network: Provisioning with 'local-exec'...
    terraform_data.network: (local-exec): Executing: ["/bin/sh" "-c" "echo greeting: $GREETING; echo secret: $SECRET; echo inherited: [$CARNET_BOOTSTRAP_TOKEN]"]
    terraform_data.network: (local-exec): greeting: hello world
    terraform_data.network: (local-exec): secret: [redacted]
    terraform_data.network: (local-exec): inherited: []
    terraform_data.network: Creation complete after 0s [id=UUID]

    Apply complete! Resources: 1 added, 0 changed, 0 destroyed.

    Outputs:
    password = (sensitive value)
    "#);
    assert_snapshot!(desk.shows(&["output"]).await?, @r#"
    exit code 0
    ----- stdout
    password = <sensitive>
    "#);
    assert_snapshot!(desk.shows(&["output", "-json"]).await?, @r#"
    exit code 0
    ----- stdout
    {
      "password": {
        "sensitive": true,
        "type": "string",
        "value": "open sesame"
      }
    }
    "#);
    assert_snapshot!(desk.shows(&["plan", "-var=note=new", "-var=ranges={}"]).await?, @r#"
    exit code 0
    ----- stdout
    (a remote plan starts)
    terraform_data.network: Refreshing state... [id=UUID]

    Terraform used the selected providers to generate the following execution
    plan. Resource actions are indicated with the following symbols:
      ~ update in-place

    Terraform will perform the following actions:

      # terraform_data.network will be updated in-place
      ~ resource "terraform_data" "network" {
            id               = "UUID"
          ~ input            = {
              ~ note   = <<-EOT
                  - not "${code}"
                  - but text
                  + new
                EOT
              ~ ranges = {
                  - dev = [
                      - "10.0.0.0/16",
                    ]
                }
            }
          ~ output           = {
              - note   = <<-EOT
                    not "${code}"
                    but text
                EOT
              - ranges = {
                  - dev = [
                      - "10.0.0.0/16",
                    ]
                }
            } -> (known after apply)
            # (1 unchanged attribute hidden)
        }

    Plan: 0 to add, 1 to change, 0 to destroy.

    (the plan is not saved)
    "#);
    Ok(())
}

/// For each level a Terraform variable and an environment variable.
fn levels() -> String {
    let declared: String = LEVELS.iter().map(|level| format!("variable \"level_{level}\" {{}}\n")).collect();
    let winners: Vec<String> = LEVELS.iter().map(|level| format!("var.level_{level}")).collect();
    let zones: Vec<String> = LEVELS.iter().map(|level| format!("$ZONE_{level}")).collect();
    format!(
        "{declared}\noutput \"winners\" {{ value = join(\" \", [{}]) }}\n\nresource \"terraform_data\" \"zones\" {{\n  \
         provisioner \"local-exec\" {{\n    command = \"echo zones: {}\"\n  }}\n}}\n",
        winners.join(", "),
        zones.join(" ")
    )
}

/// What stands at a level: its number as the value of its own variables and of those of every stronger level.
fn variables_of(level: usize) -> Vec<Value> {
    // Two global sets cannot hold the same variable.
    let own = LEVELS.into_iter().filter(|other| *other <= level && !(*other == 1 && level == 13));
    let both =
        own.flat_map(|other| [(format!("level_{other}"), "terraform"), (format!("ZONE_{other}"), "env")]);
    both.map(|(key, category)| json!({"key": key, "value": level.to_string(), "category": category}))
        .collect()
}

/// Makes the variable set of a level; names are such that they alone would let the weakest win.
async fn variable_set(desk: &Desk, level: usize) -> anyhow::Result<()> {
    let workspace = desk.workspace().await?;
    let project = &workspace["relationships"]["project"]["data"]["id"];
    let mut relationships = json!({"vars": {"data": variables_of(level)
        .into_iter()
        .map(|attributes| json!({"type": "vars", "attributes": attributes}))
        .collect::<Vec<_>>()}});
    if matches!(level, 2 | 4 | 10 | 12) {
        relationships["projects"] = json!({"data": [{"type": "projects", "id": project}]});
    }
    if matches!(level, 3 | 5 | 9 | 11) {
        relationships["workspaces"] = json!({"data": [{"type": "workspaces", "id": workspace["id"]}]});
    }
    if matches!(level, 4 | 5 | 9 | 10) {
        relationships["parent"] = json!({"data": {"type": "projects", "id": project}});
    }
    let attributes = json!({
        "name": format!("set {}", 99 - level), "global": matches!(level, 1 | 13), "priority": level < OPTION,
    });
    let body = json!({"data": {"type": "varsets", "attributes": attributes, "relationships": relationships}});
    desk.api.post(&format!("organizations/{ORGANIZATION}/varsets"), body).await?;
    Ok(())
}

#[tokio::test]
async fn variable_sets_win_by_priority_scope_and_owner() -> anyhow::Result<()> {
    let world = World::start(&[]).await?;
    let desk = world.initialized("network", &levels()).await?;
    let id = desk.workspace_id().await?;
    let mut arguments = vec!["apply".to_owned(), "-auto-approve".to_owned()];
    for level in LEVELS {
        if level == OPTION {
            let options = LEVELS.iter().filter(|other| **other <= OPTION);
            arguments.extend(options.map(|other| format!("-var=level_{other}={OPTION}")));
        } else if level == WORKSPACE {
            for attributes in variables_of(WORKSPACE) {
                desk.api.create_variable(&id, attributes).await?;
            }
        } else {
            variable_set(&desk, level).await?;
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let shown = desk.shows(&arguments).await?;
    assert!(shown.contains("(local-exec): zones: 1 2 3 4 5 8 8 9 10 11 12 13\n"), "{shown}");
    assert!(shown.contains("winners = \"1 2 3 4 5 6 8 9 10 11 12 13\""), "{shown}");
    Ok(())
}
