//! States that an earlier agent could not deliver, and directories that nobody cleaned up.

use std::{fs, path::Path, time::Duration};

use carnet_api::client::{AgentClient, ClientError};
use tokio_util::sync::CancellationToken;

use crate::{
    guardian::try_lock,
    state::{DeliveryNote, JobFolder},
    workdir::remove_tree,
};

/// How long until the next look, when something is left and when nothing is.
const SOON: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(30);

/// What became of one folder.
#[derive(Debug, PartialEq, Eq)]
enum Settled {
    Yes,
    NotYet,
}

/// Delivers what is there; tells whether something is left that could be delivered later.
pub(crate) async fn deliver_all(client: &AgentClient, data_dir: &Path, server_url: &str) -> bool {
    let mut is_something_left = false;
    let folders = fs::read_dir(JobFolder::all(data_dir)).into_iter().flatten().flatten();
    for entry in folders {
        let folder = JobFolder::at(entry.path());
        match deliver(client, &folder, data_dir, server_url).await {
            Ok(settled) => is_something_left |= settled == Settled::NotYet,
            Err(error) => {
                tracing::error!(job.folder = %folder.path().display(), error = %error, "a state cannot be delivered");
            }
        }
    }
    is_something_left
}

/// Looks again and again, until the agent ends.
pub(crate) async fn keep_delivering(
    client: AgentClient,
    data_dir: std::path::PathBuf,
    server_url: String,
    shutdown: CancellationToken,
) {
    loop {
        let wait = if deliver_all(&client, &data_dir, &server_url).await { SOON } else { LATER };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn deliver(
    client: &AgentClient,
    folder: &JobFolder,
    data_dir: &Path,
    server_url: &str,
) -> std::io::Result<Settled> {
    // Held while somebody still runs the job: this agent, or the guardian that an earlier one left.
    let Some(_lock) = try_lock(&folder.lock())? else {
        return Ok(Settled::NotYet);
    };
    let Some(state) = folder.newest() else {
        remove_tree(folder.path())?;
        return Ok(Settled::Yes);
    };
    let note: DeliveryNote = serde_json::from_slice(&fs::read(folder.note())?)?;
    if note.server_url != server_url {
        tracing::warn!(
            job.id = note.job_id,
            server = note.server_url,
            "a state belongs to another server and is kept"
        );
        return Ok(Settled::Yes);
    }
    let delivery = client.delivery(&note.job_id, note.delivery_token.0).map_err(std::io::Error::other)?;
    match delivery.put_state(state).await {
        Ok(()) => {
            tracing::info!(job.id = note.job_id, "a state of an earlier agent is delivered");
            remove_tree(folder.path())?;
            Ok(Settled::Yes)
        }
        Err(ClientError::Unavailable { .. }) => Ok(Settled::NotYet),
        Err(error) => {
            let place = folder.set_aside(data_dir)?;
            tracing::error!(job.id = note.job_id, place = %place.display(), error = %error, "the server refuses a state; it is kept");
            Ok(Settled::Yes)
        }
    }
}
