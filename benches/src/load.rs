//! Load of many clients: a steady rate for latencies, and as fast as it goes for throughput.

use std::time::{Duration, Instant};

/// What a load was answered with.
#[derive(Debug, Clone)]
pub struct Answers {
    latencies: Vec<Duration>,
    duration: Duration,
}

impl Answers {
    /// The latency that the given share of the answers did not exceed, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and last")]
        let place = (last as f64 * share.clamp(0.0, 1.0)).ceil() as usize;
        sorted.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }

    /// How many there were in a second.
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.duration.as_secs_f64()
    }
}

/// When the clients ask.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many requests in a second from all of them together, evenly. A latency counts from the moment at which the request was
    /// due, so that a slow answer also counts for those that waited behind it.
    PerSecond(u32),
    /// Each as soon as it has its answer.
    Unpaced,
}

/// Has every client ask for so long; the action is told how many requests that client made before.
pub async fn load<C, A>(clients: &[C], length: Duration, pace: Pace, action: A) -> anyhow::Result<Answers>
where
    C: Clone + Send + 'static,
    A: AsyncAction<C>,
{
    let start = Instant::now() + Duration::from_millis(20);
    let count = u32::try_from(clients.len())?;
    let mut tasks = Vec::new();
    for (place, client) in (0_u32..).zip(clients) {
        let (client, action) = (client.clone(), action.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            for turn in 0_u32.. {
                let due = match pace {
                    Pace::Unpaced => Instant::now().max(start),
                    Pace::PerSecond(rate) => start + Duration::from_secs(1) * (turn * count + place) / rate,
                };
                if due >= start + length {
                    break;
                }
                tokio::time::sleep_until(due.into()).await;
                action.run(&client, turn * count + place).await?;
                latencies.push(due.elapsed());
            }
            anyhow::Ok(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut task.await??);
    }
    Ok(Answers { latencies, duration: start.elapsed() })
}

/// One request of a client.
pub trait AsyncAction<C>: Clone + Send + 'static {
    /// Makes it; `number` differs for all requests of a load.
    fn run(&self, client: &C, number: u32) -> impl Future<Output = anyhow::Result<()>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let latencies = (1..=100).map(Duration::from_millis).collect();
        let answers = Answers { latencies, duration: Duration::from_secs(2) };
        assert_eq!(answers.percentile(0.0), 1.0);
        assert_eq!(answers.percentile(0.99), 100.0);
        assert_eq!(answers.per_second(), 50.0);
    }
}
