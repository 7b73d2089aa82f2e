//! The reference page of routes is written from the table of routes.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Access, routes};

fn who(access: Access) -> String {
    let who = match access {
        Access::Public => "anybody",
        Access::Capability => "whoever holds the address",
        Access::User => "any user",
        Access::SiteAdmin => "an administrator of the site",
        Access::Agent => "an agent, by its agent token",
        Access::Job => "the agent of the job, by its control token",
        Access::Allowed(permission) => return format!("who may {}", permission.describe()),
    };
    who.to_owned()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the switch of this test")]
fn the_reference_of_routes_is_up_to_date() {
    let mut routes = routes();
    routes
        .sort_by(|left, right| (&left.path, left.method.as_str()).cmp(&(&right.path, right.method.as_str())));
    let mut text = String::from(
        "# Routes\n\nEvery route and who may call it. To a caller who may not see a thing, it is not there: the answer is 404. Who may see it\nand not do this is told with 403 which permission is missing; [permissions.md](permissions.md) says who may see what.\n\n\
         | Method | Path | Who |\n|---|---|---|\n",
    );
    for route in routes {
        writeln!(text, "| {} | `{}` | {} |", route.method, route.path, who(route.access)).expect("text");
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/routes.md");
    if std::env::var("UPDATE_REFERENCE").is_ok() {
        std::fs::write(&page, &text).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        found == text,
        "docs/routes.md is stale; run UPDATE_REFERENCE=1 cargo test -p carnet-server route_reference"
    );
}
