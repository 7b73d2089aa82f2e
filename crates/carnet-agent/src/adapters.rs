//! The declarative adapters that a job may use.

use std::sync::Arc;

use carnet_creds::{AdapterDefinition, AdapterError, adapter};

/// Those that come with the program, and those of the job. One of the job takes the place of every other that has its
/// name or one of its variables.
pub(crate) fn adapters(documents: &[String]) -> Result<Vec<Arc<AdapterDefinition>>, AdapterError> {
    let of_job = documents.iter().map(|document| AdapterDefinition::parse(document).map(Arc::new));
    Ok(adapter::with_shipped(of_job.collect::<Result<Vec<_>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNOWFLAKE: &str = include_str!("../../carnet-creds/adapters/snowflake.toml");

    fn names(documents: &[String]) -> Vec<String> {
        adapters(documents).unwrap().iter().map(|one| one.name().to_owned()).collect()
    }

    #[test]
    fn an_adapter_of_the_job_takes_the_place_of_one_that_ships() {
        let shipped = names(&[]);
        assert!(shipped.contains(&"snowflake".to_owned()) && shipped.len() >= 10, "{shipped:?}");
        let changed = SNOWFLAKE.replace("title = \"Snowflake\"", "title = \"Ours\"");
        let all = adapters(std::slice::from_ref(&changed)).unwrap();
        assert_eq!(all.len(), shipped.len());
        assert!(all.iter().any(|one| one.title() == "Ours"));
        // Another name and the same variables: only one of the two can read them.
        let renamed = changed.replace("name = \"snowflake\"", "name = \"ours\"");
        let all = names(&[renamed]);
        assert!(all.contains(&"ours".to_owned()) && !all.contains(&"snowflake".to_owned()), "{all:?}");
        assert!(adapters(&["nonsense".to_owned()]).is_err());
    }
}
