use serde_json::{Value, json};

use crate::api::run_actions::tests::member;
use crate::testing::{FakeAgent, Project};

#[tokio::test]
async fn the_whole_plan_is_hidden_from_those_who_may_not_see_the_state() {
    let project = Project::new().await;
    let agent = FakeAgent::new(&project.server).await;
    let reader = member(&project, "rita", "read").await;
    let limited = member(&project, "lars", "custom").await;
    let run = project.run(json!({})).await;
    let of_run = format!("/api/v2/runs/{}/plan", run["id"].as_str().expect("an id"));
    let plan = run["relationships"]["plan"]["data"]["id"].as_str().expect("an id");
    let of_plan = format!("/api/v2/plans/{plan}");
    let get = async |path: String, token: &str| {
        let answer = project.server.call("GET", &path, token, Value::Null).await;
        answer.status
    };
    for (ready, is_over) in [(204, false), (200, true)] {
        if is_over {
            agent.claim().await.succeed().await;
        }
        for place in [&of_run, &of_plan] {
            for (document, token, expected) in [
                ("", &limited, 200),
                ("/json-output", &project.token, ready),
                ("/json-output", &reader, ready),
                ("/json-output", &limited, 404),
                ("/json-output-redacted", &limited, ready),
                ("/json-schema", &limited, ready),
            ] {
                assert_eq!(get(format!("{place}{document}"), token).await, expected, "{place}{document}");
            }
        }
    }
}
