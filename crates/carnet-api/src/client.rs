//! A typed client of the job protocol. It tries once; when to try again is the caller's decision.

mod error;
mod http;
mod job;

use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;

pub use error::ClientError;
pub use job::{JobClient, StateDelivery};

use crate::job::{JobDocument, Registered, Registration, Stop};
use http::Http;

/// How the server is reached.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Scheme, host and port, perhaps a path, without the protocol's own path.
    pub base_url: String,
    /// Certificate authorities to trust beside the system's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// How long one request may take.
    pub timeout: Duration,
}

/// The connection of one agent to its server.
#[derive(Debug, Clone)]
pub struct AgentClient {
    http: Http,
    agent_token: SecretString,
}

impl AgentClient {
    /// Makes a client; fails when an address or a certificate cannot be read.
    pub fn new(settings: &ClientSettings, agent_token: SecretString) -> Result<Self, ClientError> {
        Ok(Self { http: Http::new(settings)?, agent_token })
    }

    /// Introduces the agent.
    pub async fn register(&self, registration: &Registration) -> Result<Registered, ClientError> {
        let request = self.http.request(Method::POST, "agents", &self.agent_token).json(registration);
        http::json(self.http.send(request).await?).await
    }

    /// Asks for a job and waits up to `wait` for one.
    pub async fn claim(&self, agent_id: &str, wait: Duration) -> Result<Option<JobDocument>, ClientError> {
        let path = format!("agents/{}/claim?wait={}", http::segment(agent_id)?, wait.as_secs());
        let request =
            self.http.request(Method::POST, &path, &self.agent_token).timeout(self.http.timeout + wait);
        let response = self.http.send(request).await?;
        if response.status() == reqwest::StatusCode::NO_CONTENT {
            return Ok(None);
        }
        http::json(response).await.map(Some)
    }

    /// Says that the agent ends, waiting up to `wait` for an answer.
    pub async fn stop(&self, agent_id: &str, stop: Stop, wait: Duration) -> Result<(), ClientError> {
        let path = format!("agents/{}/stop", http::segment(agent_id)?);
        let request = self.http.request(Method::POST, &path, &self.agent_token).json(&stop).timeout(wait);
        self.http.send(request).await.map(drop)
    }

    /// The client of one job, with the job's own token.
    pub fn job(&self, job_id: &str, control_token: SecretString) -> Result<JobClient, ClientError> {
        JobClient::new(self.http.clone(), job_id, control_token)
    }

    /// What can store the state of a job, also after its lease ran out.
    pub fn delivery(&self, job_id: &str, delivery_token: SecretString) -> Result<StateDelivery, ClientError> {
        StateDelivery::new(self.http.clone(), job_id, delivery_token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ClientSettings {
        ClientSettings {
            base_url: "http://127.0.0.1:9/".to_owned(),
            ca_pem: None,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let client = AgentClient::new(&settings(), "agent-secret".to_owned().into()).unwrap();
        let job = client.job("job-1", "control-secret".to_owned().into()).unwrap();
        let text = format!("{client:?} {job:?}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn an_id_that_is_a_path_is_refused() {
        let client = AgentClient::new(&settings(), "t".to_owned().into()).unwrap();
        assert!(client.job("job-1/../x", "t".to_owned().into()).is_err());
    }

    #[test]
    fn an_unreadable_certificate_is_refused() {
        let settings = ClientSettings { ca_pem: Some(b"nothing".to_vec()), ..settings() };
        assert!(AgentClient::new(&settings, "t".to_owned().into()).is_err());
    }
}
