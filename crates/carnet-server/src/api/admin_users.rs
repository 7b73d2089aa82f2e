//! The accounts of the site and who of them is suspended, as Terraform Enterprise has it: for administrators of the site.

use carnet_model::{User, UserId};
use carnet_store::PeopleFilter;

use super::account;
use crate::error::ApiError;
use crate::extract::{Context, Id, Params, Read, Write};
use crate::reply::{Reply, list, ok};
use crate::route::{Access, Routes};

const ALL: &str = "/api/v2/admin/users";

pub(crate) fn routes() -> Routes {
    Routes::default()
        .get(ALL, Access::SiteAdmin, index)
        .post("/api/v2/admin/users/{user}/actions/suspend", Access::SiteAdmin, suspend)
        .post("/api/v2/admin/users/{user}/actions/unsuspend", Access::SiteAdmin, unsuspend)
}

async fn index(Read(mut cx): Read, params: Params) -> Reply {
    only_site_admin(&cx)?;
    let is_suspended = params.get("filter[suspended]").map(str::parse).transpose();
    let filter = PeopleFilter {
        text: params.get("q").map(str::to_owned),
        is_suspended: is_suspended
            .map_err(|_| ApiError::BadRequest("filter[suspended] is true or false".to_owned()))?,
    };
    let page = params.page()?;
    let (users, total) = cx.tx.people(&filter, page.offset(), page.size).await?;
    list(ALL, users.iter().map(account::resource).collect(), Vec::new(), page.of(total))
}

/// No token of the user works from now on, and none can be made. What belongs to teams stays.
async fn suspend(Write(mut cx): Write, Id(id): Id<UserId>) -> Reply {
    let user = person(&mut cx, &id).await?;
    if cx.user_id() == Some(&user.id) {
        return Err(ApiError::BadRequest(
            "nobody suspends themselves: an administrator must remain".to_owned(),
        ));
    }
    set_suspended(cx, user, true).await
}

async fn unsuspend(Write(mut cx): Write, Id(id): Id<UserId>) -> Reply {
    let user = person(&mut cx, &id).await?;
    set_suspended(cx, user, false).await
}

async fn set_suspended(mut cx: Context, user: User, is_suspended: bool) -> Reply {
    if user.is_suspended == is_suspended {
        let state = if is_suspended { "already" } else { "not" };
        return Err(ApiError::BadRequest(format!("the user is {state} suspended")));
    }
    cx.tx.set_suspended(&user.id, is_suspended).await?;
    cx.tx.commit().await?;
    ok(account::resource(&User { is_suspended, ..user }))
}

/// Users that stand for teams and organizations are no people: their tokens are revoked where they belong.
async fn person(cx: &mut Context, id: &UserId) -> Result<User, ApiError> {
    only_site_admin(cx)?;
    let user = cx.tx.user(id).await?.filter(|user| user.service_of.is_none());
    user.ok_or(ApiError::NotFound)
}

/// To everybody else, nothing is there.
fn only_site_admin(cx: &Context) -> Result<(), ApiError> {
    if cx.is_site_admin() { Ok(()) } else { Err(ApiError::NotFound) }
}

#[cfg(test)]
mod tests;
