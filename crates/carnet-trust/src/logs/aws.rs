//! AWS CloudTrail: `AssumeRoleWithWebIdentity`, and what the session did afterwards.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html>

use serde_json::Value;

use super::{Access, LogKind, LogLine, text, time};

pub(super) fn read(record: &Value) -> LogLine {
    let identity = &record["userIdentity"];
    let access = match (record["eventName"].as_str(), identity["type"].as_str()) {
        (Some("AssumeRoleWithWebIdentity"), _) => login(record),
        (_, Some("AssumedRole")) => used(record),
        _ => return LogLine::Other,
    };
    LogLine::Access(LogKind::CloudTrail, Box::new(access))
}

fn login(record: &Value) -> Access {
    let (identity, asked, given) =
        (&record["userIdentity"], &record["requestParameters"], &record["responseElements"]);
    let session = text(&asked["roleSessionName"]);
    let provider = text(&given["provider"]).or(text(&identity["identityProvider"])).unwrap_or_default();
    let subject = text(&given["subjectFromWebIdentityToken"]).or(text(&identity["userName"]));
    // `principalId` is the provider, the audience and the subject with colons between them.
    let of_principal = || {
        let rest = identity["principalId"].as_str()?.strip_prefix(&provider)?.strip_prefix(':')?;
        rest.strip_suffix(subject.as_ref()?)?.strip_suffix(':').map(str::to_owned)
    };
    let user = &given["assumedRoleUser"];
    let gives = [&given["credentials"]["accessKeyId"], &user["arn"], &user["assumedRoleId"]];
    Access {
        time: time(&record["eventTime"]),
        what: "AssumeRoleWithWebIdentity".to_owned(),
        who: text(&user["arn"]).or(subject.clone()).unwrap_or_default(),
        is_login: true,
        is_refused: record["errorCode"].is_string(),
        audience: text(&given["audience"]).or_else(of_principal),
        role: text(&asked["roleArn"]),
        // The agent names sessions after their runs.
        run: session.filter(|name| name.starts_with("run-")),
        gives: gives.into_iter().filter_map(text).collect(),
        subject,
        ..Access::default()
    }
}

fn used(record: &Value) -> Access {
    let identity = &record["userIdentity"];
    let service = record["eventSource"].as_str().unwrap_or_default();
    let service = service.strip_suffix(".amazonaws.com").unwrap_or(service);
    let arn = text(&identity["arn"]);
    let session = arn.as_deref().and_then(|arn| arn.rsplit_once('/')).map(|(_, name)| name.to_owned());
    let uses = [&identity["accessKeyId"], &identity["arn"], &identity["principalId"]];
    Access {
        time: time(&record["eventTime"]),
        what: format!("{service}:{}", record["eventName"].as_str().unwrap_or_default()),
        who: arn.unwrap_or_default(),
        is_refused: record["errorCode"].is_string(),
        role: text(&identity["sessionContext"]["sessionIssuer"]["arn"]),
        run: session.filter(|name| name.starts_with("run-")),
        uses: uses.into_iter().filter_map(text).collect(),
        ..Access::default()
    }
}
