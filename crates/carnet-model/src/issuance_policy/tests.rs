use proptest::prelude::*;

use super::*;

fn patterns(all: &[&str]) -> Option<Vec<Pattern>> {
    Some(all.iter().map(|text| text.parse().unwrap()).collect())
}

fn people(all: &[&str]) -> Option<Vec<PersonPattern>> {
    Some(all.iter().map(|text| text.parse().unwrap()).collect())
}

fn person(name: &str, teams: &[&str]) -> IssuanceActor {
    let teams = teams.iter().map(|team| (*team).to_owned()).collect();
    IssuanceActor { username: name.to_owned(), is_person: true, teams }
}

fn run(approval: Approval) -> IssuanceRun {
    IssuanceRun {
        source: RunSource::Api,
        is_speculative: false,
        branch: None,
        creator: Some(person("ann", &["dev"])),
        approval,
    }
}

fn request<'a>(phase: Phase, role: &'a str, run: Option<&'a IssuanceRun>) -> IssuanceRequest<'a> {
    IssuanceRequest {
        family: "aws",
        phase,
        audience: "aws.workload.identity",
        role: Some(role),
        project: "Default Project",
        workspace: "net",
        run,
    }
}

fn plans() -> IssuanceStatement {
    IssuanceStatement { name: "plans".into(), phases: Some(vec![Phase::Plan]), ..Default::default() }
}

fn applies() -> IssuanceStatement {
    IssuanceStatement {
        name: "applies".into(),
        phases: Some(vec![Phase::Apply]),
        approval: Some(ApprovalRule::AnotherPerson),
        ..Default::default()
    }
}

fn policy(statements: &[IssuanceStatement]) -> IssuancePolicy {
    IssuancePolicy { statements: statements.to_vec() }
}

fn of_organization<'a>(
    policy: &IssuancePolicy,
    request: &IssuanceRequest<'a>,
) -> Result<IssuanceAllowance, Box<IssuanceRefusal>> {
    decide(&[(PolicyLevel::Organization, policy)], request)
}

#[test]
fn without_a_policy_everything_is_as_the_variables_say() {
    let run = run(Approval::Automatic);
    let allowed = decide(&[], &request(Phase::Apply, "r", Some(&run)));
    assert_eq!(allowed, Ok(IssuanceAllowance::default()));
}

#[test]
fn a_policy_without_statements_allows_nothing() {
    let refusal = of_organization(&policy(&[]), &request(Phase::Plan, "r", None)).unwrap_err();
    assert!(refusal.cause().contains("has no statement"), "{refusal}");
    assert_eq!(refusal.fix().len(), 1);
}

#[test]
fn another_person_is_a_person_and_another_one() {
    let policy = policy(&[plans(), applies()]);
    let ask = |approval| {
        let run = run(approval);
        of_organization(&policy, &request(Phase::Apply, "r", Some(&run)))
            .map(drop)
            .map_err(|refusal| refusal.cause())
    };
    assert_eq!(ask(Approval::By(person("ben", &[]))), Ok(()));
    let own = ask(Approval::By(person("ann", &[]))).unwrap_err();
    assert_eq!(
        own,
        "statement \"applies\" of the issuance policy of the organization asks for the approval another-person, and the \
         approval of this run is by ann, who started the run; none of its 2 statements allows it, this one comes closest"
    );
    assert!(ask(Approval::Automatic).unwrap_err().contains("by the run itself (auto-apply)"));
    let token = IssuanceActor { is_person: false, ..person("api-team_1", &["release"]) };
    assert!(ask(Approval::By(token)).unwrap_err().contains("a token that stands for api-team_1, in release"));
    let plan = run(Approval::None);
    assert!(of_organization(&policy, &request(Phase::Plan, "r", Some(&plan))).is_ok());
}

#[test]
fn who_can_have_made_the_run_is_not_another_person() {
    let policy = policy(&[applies()]);
    let ask = |creator: Option<IssuanceActor>, approver: IssuanceActor| {
        let run = IssuanceRun { creator, ..run(Approval::By(approver)) };
        of_organization(&policy, &request(Phase::Apply, "r", Some(&run)))
            .map(drop)
            .map_err(|refusal| refusal.cause())
    };
    // A run that another run triggered was made by nobody in particular.
    assert!(ask(None, person("ben", &[])).unwrap_err().contains("who started the run is not known"));
    let token = |teams: &[&str]| IssuanceActor { is_person: false, ..person("api-1", teams) };
    let own = ask(Some(token(&["ci"])), person("ann", &["ci", "dev"])).unwrap_err();
    assert!(own.contains("ann, who can have started it with a token that stands for api-1, in ci"), "{own}");
    assert_eq!(ask(Some(token(&["ci"])), person("ben", &["dev"])), Ok(()));
    assert!(ask(Some(token(&[])), person("ann", &["owners"])).is_err());
    assert_eq!(ask(Some(token(&[])), person("ben", &["dev"])), Ok(()));
}

#[test]
fn no_pattern_is_about_a_part_of_a_name_that_people_choose() {
    for text in ["user:release-*", "user:*-admin", "user:**", "user:a*b"] {
        assert!(text.parse::<PersonPattern>().is_err(), "{text}");
    }
    for text in ["user:ann", "user:*", "team:release-*"] {
        assert!(text.parse::<PersonPattern>().is_ok(), "{text}");
    }
}

#[test]
fn the_closest_statement_is_explained_with_its_way_out() {
    let narrow = IssuanceStatement { roles: patterns(&["arn:aws:iam::*:role/plan-*"]), ..plans() };
    let refusal = of_organization(
        &policy(&[applies(), narrow]),
        &request(Phase::Plan, "arn:aws:iam::1:role/admin", None),
    );
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.closest.as_ref().unwrap().0, "plans");
    assert!(refusal.cause().contains(
        "allows the roles arn:aws:iam::*:role/plan-*, and the role here is arn:aws:iam::1:role/admin"
    ));
    assert!(refusal.fix()[0].contains("set the role of the configuration"), "{:?}", refusal.fix());
    assert!(refusal.fix()[1].contains("an owner of the organization"), "{:?}", refusal.fix());
}

#[test]
fn the_closest_statement_is_the_one_of_which_least_is_not_met() {
    let audience = IssuanceStatement {
        name: "s".into(),
        audiences: patterns(&["other"]),
        sources: Some(vec![RunSource::Cloud]),
        ..Default::default()
    };
    let workspace =
        IssuanceStatement { name: "t".into(), workspaces: patterns(&["dns"]), ..Default::default() };
    let other_phase = IssuanceStatement { name: "u".into(), ..applies() };
    let made = run(Approval::None);
    for statements in [
        [audience.clone(), workspace.clone(), other_phase.clone()],
        [other_phase.clone(), workspace.clone(), audience.clone()],
    ] {
        let asked = request(Phase::Plan, "r", Some(&made));
        let refusal = of_organization(&policy(&statements), &asked).unwrap_err();
        assert_eq!(refusal.closest.as_ref().unwrap().0, "t", "{refusal}");
    }
    let asked = request(Phase::Plan, "r", Some(&made));
    let refusal = of_organization(&policy(&[audience, other_phase]), &asked).unwrap_err();
    assert_eq!(
        refusal.cause(),
        "statement \"s\" of the issuance policy of the organization allows the audiences other, and the audience here is \
         aws.workload.identity; it also allows runs from terraform+cloud, and the source of this run is tfe-api; none of its 2 \
         statements allows it, this one comes closest"
    );
    let fix = refusal.fix();
    assert!(fix[0].contains("to one of: other; and start the run another way"), "{fix:?}");
    let half = IssuanceStatement { branches: patterns(&["main"]), workspaces: None, ..workspace };
    let half = IssuanceStatement { audiences: patterns(&["other"]), ..half };
    assert_eq!(
        of_organization(&policy(&[half]), &asked).unwrap_err().fix().len(),
        1,
        "no way past the branch"
    );
}

#[test]
fn a_request_without_a_role_is_not_any_role() {
    let narrow = policy(&[IssuanceStatement { roles: patterns(&["plan-*"]), ..plans() }]);
    let bare = IssuanceRequest { role: None, ..request(Phase::Plan, "", None) };
    let refusal = of_organization(&narrow, &bare).unwrap_err();
    assert!(refusal.cause().ends_with("the role here is none"));
    assert!(refusal.fix()[0].contains("a statement of its own for it"), "{:?}", refusal.fix());
    let open = policy(&[IssuanceStatement { roles: patterns(&["*"]), ..plans() }]);
    assert!(of_organization(&open, &bare).is_ok());
}

#[test]
fn people_are_named_with_their_teams() {
    let mut statement = IssuanceStatement {
        name: "s".into(),
        actors: people(&["team:release", "user:root"]),
        ..Default::default()
    };
    let mut made = run(Approval::None);
    let refusal =
        of_organization(&policy(&[statement.clone()]), &request(Phase::Plan, "r", Some(&made))).unwrap_err();
    assert!(refusal.cause().ends_with("the one who started it is ann, in dev"), "{refusal}");
    made.creator = Some(person("eve", &["release"]));
    assert!(of_organization(&policy(&[statement.clone()]), &request(Phase::Plan, "r", Some(&made))).is_ok());
    // A token of a team is no person of that name.
    statement.actors = people(&["user:*"]);
    made.creator = Some(IssuanceActor { is_person: false, ..person("api-x", &["release"]) });
    assert!(of_organization(&policy(&[statement]), &request(Phase::Plan, "r", Some(&made))).is_err());
    assert!("ann".parse::<PersonPattern>().is_err() && "user:".parse::<PersonPattern>().is_err());
}

#[test]
fn what_is_not_known_yet_stays_open() {
    let policy = policy(&[plans(), applies()]);
    let allowed = of_organization(&policy, &request(Phase::Apply, "r", None)).unwrap();
    assert_eq!(allowed.open, [IssuanceCondition::Approval]);
    assert_eq!(of_organization(&policy, &request(Phase::Plan, "r", None)).unwrap().open, []);
}

#[test]
fn the_stricter_life_of_the_levels_wins_and_the_wider_of_the_statements() {
    let life = |seconds| IssuanceStatement { max_life: Some(Duration::from_secs(seconds)), ..plans() };
    let (short, long) = (policy(&[life(60)]), policy(&[life(60), life(600)]));
    let asked = request(Phase::Plan, "r", None);
    let max_life = |policies: &[(PolicyLevel, &IssuancePolicy)]| decide(policies, &asked).unwrap().max_life;
    assert_eq!(max_life(&[(PolicyLevel::Organization, &long)]), Some(Duration::from_secs(600)));
    let both = [(PolicyLevel::Organization, &long), (PolicyLevel::Project, &short)];
    assert_eq!(max_life(&both), Some(Duration::from_secs(60)));
    let open = policy(&[life(60), plans()]);
    assert_eq!(max_life(&[(PolicyLevel::Organization, &open)]), None);
}

fn any_patterns() -> impl Strategy<Value = Option<Vec<Pattern>>> {
    let one = prop::sample::select(vec!["*", "a", "b", "a*", "**b", "a:*", "x"]);
    prop::option::of(prop::collection::vec(one, 0..3))
        .prop_map(|all| all.map(|all| all.into_iter().map(|text| text.parse().expect("a pattern")).collect()))
}

prop_compose! {
    fn any_statement()(
        families in any_patterns(), audiences in any_patterns(), roles in any_patterns(), workspaces in any_patterns(),
        phase in prop::option::of(prop::bool::ANY), source in prop::option::of(0..4_usize),
        speculative in prop::option::of(prop::bool::ANY), approval in prop::option::of(0..3_usize),
        life in prop::option::of(60..4000_u64),
    ) -> IssuanceStatement {
        IssuanceStatement {
            name: "s".to_owned(), families, audiences, roles, workspaces,
            phases: phase.map(|is_plan| vec![if is_plan { Phase::Plan } else { Phase::Apply }]),
            sources: source.map(|source| vec![RunSource::ALL[source]]),
            speculative,
            approval: approval.map(|approval| ApprovalRule::ALL[approval]),
            max_life: life.map(Duration::from_secs),
            ..Default::default()
        }
    }
}

prop_compose! {
    fn any_policy()(statements in prop::collection::vec(any_statement(), 0..5)) -> IssuancePolicy {
        IssuancePolicy { statements }
    }
}

/// What a decision grants: nothing, or a life without bounds as the longest.
fn granted(policies: &[(PolicyLevel, &IssuancePolicy)], request: &IssuanceRequest<'_>) -> Option<Duration> {
    decide(policies, request).ok().map(|allowed| allowed.max_life.unwrap_or(Duration::MAX))
}

proptest! {
    #[test]
    fn policies_grow_and_shrink_with_their_statements(
        policy in any_policy(), other in any_policy(), more in any_statement(), place in 0..5_usize,
        names in prop::collection::vec(prop::sample::select(vec!["", "a", "b", "ab", "a:b", "x/b"]), 4),
        is_plan in prop::bool::ANY, source in 0..4_usize, is_speculative in prop::bool::ANY, approval in 0..3_usize,
        has_run in prop::bool::ANY,
    ) {
        let approval = match approval {
            0 => Approval::Automatic,
            1 => Approval::By(person("ann", &[])),
            _ => Approval::By(person("ben", &[])),
        };
        let run = IssuanceRun {
            source: RunSource::ALL[source],
            is_speculative,
            approval: if is_plan { Approval::None } else { approval },
            ..run(Approval::None)
        };
        let request = IssuanceRequest {
            family: names[0],
            phase: if is_plan { Phase::Plan } else { Phase::Apply },
            audience: names[1],
            role: Some(names[2]),
            project: "p",
            workspace: names[3],
            run: has_run.then_some(&run),
        };
        let alone = |policy: &IssuancePolicy| granted(&[(PolicyLevel::Organization, policy)], &request);
        let before = alone(&policy);
        // Adding a statement, wherever, never narrows, and so removing one never widens.
        let mut wider = policy.clone();
        wider.statements.insert(place.min(policy.statements.len()), more);
        prop_assert!(alone(&wider) >= before);
        // A project can only narrow.
        let both = [(PolicyLevel::Organization, &policy), (PolicyLevel::Project, &other)];
        prop_assert!(granted(&both, &request) <= before);
        prop_assert!(granted(&both, &request) <= alone(&other));
        // Shorter lives never lengthen.
        let mut stricter = policy.clone();
        for statement in &mut stricter.statements {
            let life = statement.max_life.unwrap_or(Duration::from_secs(5000)) / 2;
            statement.max_life = Some(life);
        }
        prop_assert!(alone(&stricter) <= before);
        // What is refused before there is a run is refused of every run.
        let unknown = IssuanceRequest { run: None, ..request };
        prop_assert!(granted(&both, &unknown) >= granted(&both, &request));
        // Every refusal has its words.
        if let Err(refusal) = decide(&both, &request) {
            prop_assert!(!refusal.cause().is_empty() && !refusal.fix().is_empty());
        }
    }
}

#[test]
fn no_way_out_is_named_that_leads_nowhere() {
    let run = run(Approval::None);
    let fix = |statement: IssuanceStatement, run: &IssuanceRun| {
        let refusal = of_organization(&policy(&[statement]), &request(Phase::Plan, "r", Some(run)));
        refusal.unwrap_err().fix()
    };
    let branches = IssuanceStatement { branches: patterns(&["main"]), ..plans() };
    assert_eq!(fix(branches, &run).len(), 1, "no run knows its branch");
    let applicable = IssuanceStatement { speculative: Some(false), ..plans() };
    let speculative = IssuanceRun { is_speculative: true, ..run };
    assert!(fix(applicable, &speculative)[0].contains("start a run that can be applied"));
}
