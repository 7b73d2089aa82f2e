//! What templates are refused, and that no two identities share a subject.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn facts(organization: &str, project: &str, workspace: &str) -> SubjectFacts {
    let part = |name: &str, id: String| PartFacts { name: name.to_owned(), first_name: name.to_owned(), id };
    SubjectFacts {
        organization: part(organization, "org-GRNbCjYNpBB6NEBH".to_owned()),
        project: part(project, "prj-vegSA59s1XPwMr2t".to_owned()),
        workspace: part(workspace, "ws-mbsd5E3Ktt5Rg2Xm".to_owned()),
    }
}

fn template(text: &str) -> SubjectTemplate {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_ready_made_templates_say_what_they_promise() {
    let facts = facts("acme", "Default Project", "net-prod");
    let render = |text: &str| template(text).render(&facts, Phase::Apply, None);
    assert_eq!(render("hcp"), "organization:acme:project:Default Project:workspace:net-prod:run_phase:apply");
    assert_eq!(
        render("name@id"),
        "organization:acme@org-GRNbCjYNpBB6NEBH:workspace:net-prod@ws-mbsd5E3Ktt5Rg2Xm:run_phase:apply"
    );
    assert_eq!(render("short"), "net-prod@ws-mbsd5E3Ktt5Rg2Xm:run_phase:apply");
    for (word, text) in SubjectTemplate::READY_MADE {
        assert_eq!(template(word).as_str(), text);
        assert!(template(word).shared_by().is_empty());
    }
    assert!(template("short").longest() <= 127, "Google takes the short form whatever the names");
    assert!(template("hcp").longest() > 127);
}

#[test]
fn name_at_id_keeps_the_first_name_and_the_rest_follows() {
    let mut facts = facts("acme", "p", "old");
    facts.workspace.name = "new".to_owned();
    assert!(template("short").render(&facts, Phase::Plan, None).starts_with("old@ws-"));
    assert!(template("hcp").render(&facts, Phase::Plan, None).contains(":workspace:new:"));
    assert!(!template("short").follows_name_of(SubjectPart::Workspace));
    assert!(template("hcp").follows_name_of(SubjectPart::Workspace));
}

#[track_caller]
fn check_refused(text: &str, at: usize, part_of_message: &str) {
    let error = text.parse::<SubjectTemplate>().expect_err(text);
    assert_eq!(error.at, at, "{text}: {error}");
    assert!(error.to_string().contains(part_of_message), "{text}: {error}");
}

#[test]
fn what_could_say_something_untrue_is_refused_at_its_place() {
    check_refused("", 0, "empty");
    check_refused("{workspace.name@id}:run_phase:{phase}:", 38, "between two separators");
    check_refused("workspace:{workspace.name", 10, "braces");
    check_refused("workspace:{workspace.colour}", 10, "no claim");
    check_refused("workspace:{workspace.name}{phase}", 26, "separator");
    check_refused("workspace{workspace.name}", 9, "separator");
    check_refused("{workspace.name@id}:+a*", 22, "'*'");
    // Somebody else's name, written down.
    check_refused(
        "organization:acme:project:prod:workspace:net:run_phase:{phase}",
        0,
        "\"organization\" does not say",
    );
    check_refused("organization:{organization.name}:project:prod:{workspace.name@id}", 33, "project");
    check_refused("organization:{project.name}", 0, "does not say what follows");
    check_refused("{workspace.name@id}:prod:run_phase:{phase}", 20, "+prod");
    check_refused("{workspace.name@id}:{phase}", 20, "run_phase:{phase}");
    check_refused("organization:{organization.name}:{workspace.name}", 33, "workspace:{workspace.name}");
    check_refused("workspace:{workspace.name}:run_phase:{phase}", 0, "which organization");
    check_refused(
        "{organization.name@id}:{project.name@id}:{workspace.name@id}:project:{project.name}",
        0,
        "bytes",
    );
    check_refused("{workspace.name@id}:\u{e9}", 20, "cannot stand");
    check_refused("{workspace.name@id}:+", 20, "between two separators");
}

#[test]
fn what_is_shared_is_known() {
    for (text, shared) in [
        ("organization:{organization.name}:run_phase:{phase}", vec![SubjectSharing::Workspaces]),
        ("{project.name@id}:run_phase:{phase}", vec![SubjectSharing::Workspaces]),
        ("{workspace.name@id}", vec![SubjectSharing::Phases]),
        ("organization_id:{organization.id}", vec![SubjectSharing::Workspaces, SubjectSharing::Phases]),
        ("organization:{organization.name}/workspace={workspace.name},run_phase|{phase};+eu.1", vec![]),
        ("project_id:{project.id}:workspace:{workspace.name}:run_phase:{phase}", vec![]),
    ] {
        assert_eq!(template(text).shared_by(), shared, "{text}");
    }
}

/// A name as hostile as can be: labels, separators, escapes, ids of others, what templates are written with.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("organization".to_owned()),
        Just("project".to_owned()),
        Just("workspace".to_owned()),
        Just("run_phase".to_owned()),
        Just("plan".to_owned()),
        Just("ws-1".to_owned()),
        Just("a@ws-1".to_owned()),
        Just("a:workspace:b".to_owned()),
        Just("a%3Aworkspace".to_owned()),
        Just("+a".to_owned()),
        Just("~".to_owned()),
        Just("net".to_owned()),
        "[a-c:@%+~/|=,; ]{0,4}",
        any::<String>(),
    ]
}

/// Items of templates; labels that are wrong are refused elsewhere.
const ITEMS: [&str; 12] = [
    "organization:{organization.name}",
    "organization_id:{organization.id}",
    "organization:{organization.name@id}",
    "project:{project.name}",
    "project_id:{project.id}",
    "{project.name@id}",
    "workspace:{workspace.name}",
    "workspace_id:{workspace.id}",
    "{workspace.name@id}",
    "run_phase:{phase}",
    "tag:{tag}",
    "+apply",
];

fn template_of(items: Vec<(usize, char)>) -> Option<SubjectTemplate> {
    let mut text = String::new();
    for (item, separator) in items {
        if !text.is_empty() {
            text.push(separator);
        }
        text.push_str(ITEMS[item]);
    }
    text.parse().ok()
}

fn some_items(most: usize) -> impl Strategy<Value = Vec<(usize, char)>> {
    let separator = prop_oneof![Just(':'), Just('/'), Just(',')];
    proptest::collection::vec((0..ITEMS.len(), separator), 0..most)
}

fn any_template() -> impl Strategy<Value = SubjectTemplate> {
    some_items(5).prop_filter_map("no template", template_of)
}

/// A template under which nothing is shared: random items, and between them those that tell workspaces and phases apart.
fn exact_template() -> impl Strategy<Value = SubjectTemplate> {
    let identities = prop_oneof![Just(vec![0, 6]), Just(vec![4, 6]), Just(vec![7]), Just(vec![8])];
    (some_items(3), identities, any::<usize>()).prop_map(|(mut items, identity, place)| {
        for item in identity.into_iter().chain([9]) {
            items.insert(place % (items.len() + 1), (item, ':'));
        }
        // Only its length can be wrong with it.
        template_of(items).filter(|found| found.shared_by().is_empty()).unwrap_or_else(SubjectTemplate::hcp)
    })
}

/// A site of four workspaces with hostile names; those of one organization differ, as they do in the database.
fn site() -> impl Strategy<Value = Vec<SubjectFacts>> {
    (proptest::collection::vec(hostile(), 8), proptest::collection::vec(0..2_usize, 8)).prop_map(
        |(names, places)| {
            let part = |name: &str, id: String| PartFacts {
                name: name.to_owned(),
                first_name: name.chars().rev().collect(),
                id,
            };
            let different = |first: &str, second: &str| match first == second {
                true => [first.to_owned(), format!("{second}2")],
                false => [first.to_owned(), second.to_owned()],
            };
            let organizations = different(&names[0], &names[1]);
            let mut taken = std::collections::BTreeSet::new();
            (0..4)
                .map(|place| {
                    let organization = places[place];
                    let mut name = names[4 + place].clone();
                    while !taken.insert((organization, name.clone())) {
                        name.push('x');
                    }
                    let project = places[4 + place];
                    SubjectFacts {
                        organization: part(&organizations[organization], format!("org-{organization}")),
                        project: part(&names[2 + project], format!("prj-{organization}{project}")),
                        workspace: part(&name, format!("ws-{place}")),
                    }
                })
                .collect()
        },
    )
}

/// What a subject says, read without its template.
fn read(subject: &str) -> Vec<(String, String)> {
    let mut parts = subject.split(|one: char| one.is_ascii() && SEPARATORS.contains(&(one as u8)));
    let mut facts = Vec::new();
    while let Some(part) = parts.next() {
        if part.starts_with('+') {
            facts.push(("note".to_owned(), part.to_owned()));
        } else if part.contains('@') {
            facts.push(("name@id".to_owned(), part.to_owned()));
        } else {
            facts.push((part.to_owned(), parts.next().expect("a value behind its label").to_owned()));
        }
    }
    facts
}

fn escaped(value: &str) -> String {
    let mut text = String::new();
    escape(&mut text, value);
    text
}

/// What a subject says that is not so.
fn untrue(template: &SubjectTemplate, facts: &SubjectFacts, tag: Option<&str>) -> Option<String> {
    let at = |part: &PartFacts| format!("{}@{}", escaped(&part.first_name), part.id);
    let is_true = |label: &str, value: &str| match label {
        "organization" => {
            [escaped(&facts.organization.name), at(&facts.organization)].contains(&value.to_owned())
        }
        "project" => [escaped(&facts.project.name), at(&facts.project)].contains(&value.to_owned()),
        "workspace" => [escaped(&facts.workspace.name), at(&facts.workspace)].contains(&value.to_owned()),
        "organization_id" => value == facts.organization.id,
        "project_id" => value == facts.project.id,
        "workspace_id" => value == facts.workspace.id,
        "name@id" => SubjectPart::ALL.iter().any(|part| value == at(facts.part(*part))),
        "run_phase" => value == "plan",
        "tag" => value == tag.map_or(NO_TAG.to_owned(), escaped),
        "note" => value.starts_with('+'),
        _ => false,
    };
    let said = read(&template.render(facts, Phase::Plan, tag));
    said.into_iter()
        .find(|(label, value)| !is_true(label, value))
        .map(|(label, value)| format!("{label} {value}"))
}

#[test]
fn no_row_of_words_and_claims_that_is_accepted_says_something_untrue() {
    let words = ["organization", "project", "workspace", "run_phase", "tag", "prod", "+prod", "prod@ws-2"];
    let claims =
        ["{organization.name}", "{project.name}", "{workspace.name}", "{workspace.id}", "{phase}", "{tag}"];
    let both = ["{project.name@id}", "{workspace.name@id}"];
    let tokens: Vec<&str> = words.into_iter().chain(claims).chain(both).collect();
    let sites = [facts("project", "prod", "workspace"), facts("a:project:prod", "+prod", "run_phase")];
    let mut rows: Vec<String> = vec![String::new()];
    let mut accepted = 0;
    for _ in 0..4 {
        let longer = |row: &String| tokens.iter().map(|token| format!("{row}:{token}")).collect::<Vec<_>>();
        rows = rows.iter().flat_map(longer).collect();
        for row in &rows {
            let Ok(template) = row[1..].parse::<SubjectTemplate>() else {
                continue;
            };
            accepted += 1;
            for facts in &sites {
                for tag in [None, Some("workspace"), Some("a:project:prod@ws-2")] {
                    assert_eq!(untrue(&template, facts, tag), None, "{template}");
                }
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// One template never gives two identities one subject, whatever the names are.
    #[test]
    fn two_identities_never_share_a_subject(template in exact_template(), site in site()) {
        let mut seen = BTreeMap::new();
        for facts in &site {
            for phase in [Phase::Plan, Phase::Apply] {
                let identity = (facts.workspace.id.clone(), phase);
                let subject = template.render(facts, phase, None);
                if let Some(other) = seen.insert(subject.clone(), identity.clone()) {
                    prop_assert!(false, "{template}: {subject} is {other:?} and {identity:?}");
                }
            }
        }
    }

    /// Nor do different templates, whoever wrote them: that of one workspace cannot imitate another workspace or phase.
    #[test]
    fn no_template_imitates_another(
        templates in proptest::collection::vec(exact_template(), 4),
        site in site(),
        tags in proptest::collection::vec(proptest::option::of(hostile()), 4),
    ) {
        let mut seen: BTreeMap<String, (String, Phase)> = BTreeMap::new();
        let hcp = SubjectTemplate::hcp();
        for (facts, (template, tag)) in site.iter().zip(templates.iter().zip(&tags)) {
            for template in [&hcp, template] {
                for phase in [Phase::Plan, Phase::Apply] {
                    let identity = (facts.workspace.id.clone(), phase);
                    let subject = template.render(facts, phase, tag.as_deref());
                    let first = seen.entry(subject.clone()).or_insert_with(|| identity.clone());
                    prop_assert_eq!(&*first, &identity, "{} under {}", subject, template);
                }
            }
        }
    }

    /// Every item of every subject is true, shared ones included: trust by prefix or pattern of items cannot be tricked either.
    #[test]
    fn a_subject_is_read_without_its_template_and_says_nothing_untrue(
        template in any_template(),
        site in site(),
        tag in proptest::option::of(hostile()),
    ) {
        let facts = &site[0];
        if let Some(untrue) = untrue(&template, facts, tag.as_deref()) {
            prop_assert!(false, "{template} says {untrue}");
        }
    }

    /// Reading a template never panics and never loses a character of it.
    #[test]
    fn any_text_is_a_template_or_a_refusal_with_a_place(text in any::<String>()) {
        match text.parse::<SubjectTemplate>() {
            Ok(found) => prop_assert!(found.as_str() == text || text.len() < 8),
            Err(error) => prop_assert!(error.at <= text.len()),
        }
    }
}
