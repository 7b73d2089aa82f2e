//! Users that stand for a team or an organization: what its token makes was made by them.

use carnet_model::{User, UserId, Username};
use carnet_store::Tx;

use crate::app::entropy;
use crate::error::ApiError;
use carnet_model::Timestamp;

/// The service user that stands for the team or organization of this id; it is made when its first token is.
pub(super) async fn service_user(tx: &mut Tx, of: &str, now: Timestamp) -> Result<UserId, ApiError> {
    if let Some(user) = tx.service_user(of).await? {
        return Ok(user.id);
    }
    let username: Username = format!("api-{}", of.replace('-', "_")).parse()?;
    let user = User {
        id: UserId::from_entropy(entropy()?),
        email: format!("{username}@localhost"),
        username,
        service_of: Some(of.to_owned()),
        is_site_admin: false,
        is_suspended: false,
        created_at: now,
    };
    tx.insert_user(&user).await?;
    Ok(user.id)
}
