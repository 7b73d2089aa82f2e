//! The end of a phase, which always comes.

use std::sync::Arc;

use carnet_api::client::ClientError;

use super::{Keeping, PhaseRun};
use crate::{broker::Broker, guardian::Guardian, state::Delivered, strays::end_strays, workdir::Home};

impl PhaseRun<'_> {
    /// Nothing that Terraform has started may go on when the state is read and credentials are revoked.
    pub(super) async fn end_strays(&self) {
        if let Some(home) = self.home.clone() {
            // A panic is reported where it happens.
            let _ = tokio::task::spawn_blocking(move || end_strays(home.path())).await;
        }
    }

    pub(super) fn rescue(&self, keeping: &Keeping) {
        if let Some(root) = &keeping.root
            && let Err(error) = keeping.keeper.rescue(root)
        {
            self.warn([format!("a state that Terraform left behind cannot be kept: {error}")]);
        }
    }

    /// Waits until the server has the state; tells whether it has.
    pub(super) async fn settle_state(&self, keeping: Option<Keeping>) -> bool {
        let Some(Keeping { keeper, done, task, .. }) = keeping else {
            return true;
        };
        done.cancel();
        let result =
            task.await.unwrap_or_else(|error| Err(ClientError::Unavailable { detail: error.to_string() }));
        let Some(keeper) = Arc::into_inner(keeper) else {
            return false;
        };
        match keeper.settle(result, &self.shared.config.data_dir) {
            Ok(Delivered::Yes) => true,
            Ok(Delivered::Later) => {
                self.warn([
                    "the state could not be delivered yet; the agent keeps it and tries again".to_owned()
                ]);
                false
            }
            Ok(Delivered::SetAside(place, reason)) => {
                self.warn([format!(
                    "the state was not stored ({reason}); the agent keeps it at {}",
                    place.display()
                )]);
                false
            }
            Err(error) => {
                tracing::error!(job.id = self.document.job_id, error = %error, "the folder of a job cannot be settled");
                false
            }
        }
    }

    /// Revokes, deletes the home directory and lets the guardian go; returns what could not be revoked.
    pub(super) async fn leave(
        &self,
        broker: Option<Broker>,
        home: Option<Home>,
        guardian: Option<Arc<Guardian>>,
    ) -> Vec<String> {
        let unrevoked = match broker {
            Some(broker) => broker.revoke().await,
            None => Vec::new(),
        };
        if let Some(home) = home
            && let Ok(Err(error)) = tokio::task::spawn_blocking(move || home.delete()).await
        {
            self.warn([format!("the home directory of the run cannot be deleted: {error}")]);
        }
        if let Some(guardian) = guardian {
            guardian.dismiss().await;
        }
        unrevoked
    }
}
