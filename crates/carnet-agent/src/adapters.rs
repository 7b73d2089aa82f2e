//! The declarative adapters that a job may use.

use std::sync::{Arc, LazyLock};

use carnet_creds::{AdapterDefinition, AdapterError, adapter};

static SHIPPED: LazyLock<Vec<Arc<AdapterDefinition>>> =
    LazyLock::new(|| adapter::shipped().into_iter().map(|one| Arc::new(one.definition)).collect());

/// Those that come with the program, and those of the job. One of the job takes the place of every other that has its
/// name or one of its variables.
pub(crate) fn adapters(documents: &[String]) -> Result<Vec<Arc<AdapterDefinition>>, AdapterError> {
    let mut adapters = SHIPPED.clone();
    for document in documents {
        let adapter = AdapterDefinition::parse(document)?;
        adapters.retain(|other| other.name() != adapter.name() && other.clash(&adapter).is_none());
        adapters.push(Arc::new(adapter));
    }
    adapters.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(adapters)
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
