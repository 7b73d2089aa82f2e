//! What a deleted workspace leaves on disk.

use carnet_api::job::Artifact;
use carnet_store::WorkspaceContents;

use super::applies::errored_state_blob;
use super::configuration_versions::{archive_blob, readme_blob};
use crate::agents::artifact_blob;
use crate::app::App;
use crate::state::{json_blob, raw_blob};
use crate::upload::delete_blob;

/// Removes what a deleted workspace has left on disk.
pub(crate) async fn delete_blobs(app: &App, contents: WorkspaceContents) {
    for id in &contents.states {
        delete_blob(app, raw_blob(id)).await;
        delete_blob(app, json_blob(id)).await;
    }
    for id in &contents.configurations {
        delete_blob(app, archive_blob(id)).await;
        delete_blob(app, readme_blob(id)).await;
    }
    for id in &contents.runs {
        for artifact in Artifact::ALL {
            delete_blob(app, artifact_blob(artifact, id)).await;
        }
        delete_blob(app, errored_state_blob(id)).await;
    }
}
