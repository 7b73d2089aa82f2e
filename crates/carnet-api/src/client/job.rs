//! The requests of one job.

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use secrecy::SecretString;

use super::{
    ClientError,
    http::{Http, bytes, json, segment},
};
use crate::job::{
    Artifact, CredentialReport, Finish, Heartbeat, HeartbeatReply, IdentityTokenReply, IdentityTokenRequest,
};

/// The requests of one job, with its control token.
#[derive(Debug, Clone)]
pub struct JobClient {
    http: Http,
    path: String,
    token: SecretString,
}

impl JobClient {
    pub(super) fn new(http: Http, job_id: &str, token: SecretString) -> Result<Self, ClientError> {
        Ok(Self { http, path: format!("jobs/{}", segment(job_id)?), token })
    }

    /// Says that the job is alive; the answer may ask to stop.
    pub async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<HeartbeatReply, ClientError> {
        let request = self.http.request(Method::POST, &self.at("heartbeat"), &self.token).json(heartbeat);
        json(self.http.send(request).await?).await
    }

    /// Asks for an identity token.
    pub async fn identity_token(
        &self,
        wanted: &IdentityTokenRequest,
    ) -> Result<IdentityTokenReply, ClientError> {
        let request = self.http.request(Method::POST, &self.at("identity-tokens"), &self.token).json(wanted);
        json(self.http.send(request).await?).await
    }

    /// The archive of the configuration.
    pub async fn configuration(&self) -> Result<Bytes, ClientError> {
        let request = self.http.transfer(Method::GET, &self.at("configuration"), &self.token);
        bytes(self.http.send(request).await?).await
    }

    /// Adds to the log at `offset`; fails with the log's true end when it is elsewhere.
    pub async fn append_log(&self, offset: u64, content: Bytes) -> Result<(), ClientError> {
        let path = format!("{}?offset={offset}", self.at("log"));
        let request = self.http.transfer(Method::PUT, &path, &self.token).body(content);
        self.http.send(request).await.map(drop)
    }

    /// Stores what the phase leaves behind.
    pub async fn put_artifact(&self, artifact: Artifact, content: Bytes) -> Result<(), ClientError> {
        let request =
            self.http.transfer(Method::PUT, &self.artifact_path(artifact), &self.token).body(content);
        self.http.send(request).await.map(drop)
    }

    /// What an earlier phase left behind; `None` when there is no such thing.
    pub async fn artifact(&self, artifact: Artifact) -> Result<Option<Bytes>, ClientError> {
        let request = self.http.transfer(Method::GET, &self.artifact_path(artifact), &self.token);
        match self.http.send(request).await {
            Ok(response) => bytes(response).await.map(Some),
            Err(ClientError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The current state of the workspace; `None` when there is none.
    pub async fn state(&self) -> Result<Option<Bytes>, ClientError> {
        let request = self.http.transfer(Method::GET, &self.at("state"), &self.token);
        let response = self.http.send(request).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        bytes(response).await.map(Some)
    }

    /// Tells what the phase holds or held; it replaces what was told before.
    pub async fn credentials(&self, report: &CredentialReport) -> Result<(), ClientError> {
        let request = self.http.request(Method::PUT, &self.at("credentials"), &self.token).json(report);
        self.http.send(request).await.map(drop)
    }

    /// Reports the end of the phase.
    pub async fn finish(&self, finish: &Finish) -> Result<(), ClientError> {
        let request = self.http.request(Method::POST, &self.at("finish"), &self.token).json(finish);
        self.http.send(request).await.map(drop)
    }

    fn at(&self, what: &str) -> String {
        format!("{}/{what}", self.path)
    }

    fn artifact_path(&self, artifact: Artifact) -> String {
        format!("{}/artifacts/{}", self.path, artifact.as_str())
    }
}

/// Stores the state of one job, with the token that can do nothing else.
#[derive(Debug, Clone)]
pub struct StateDelivery {
    http: Http,
    path: String,
    token: SecretString,
}

impl StateDelivery {
    pub(super) fn new(http: Http, job_id: &str, token: SecretString) -> Result<Self, ClientError> {
        Ok(Self { http, path: format!("jobs/{}/state", segment(job_id)?), token })
    }

    /// Stores the state; fails with a conflict when the server has a newer one.
    pub async fn put_state(&self, state: Bytes) -> Result<(), ClientError> {
        let request = self.http.transfer(Method::PUT, &self.path, &self.token).body(state);
        self.http.send(request).await.map(drop)
    }
}
